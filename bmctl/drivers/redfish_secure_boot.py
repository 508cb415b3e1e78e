"""Whether the firmware enforces signatures, through Redfish's SecureBoot resource."""

from __future__ import annotations

from typing import Any

import sushy.exceptions

from bmctl.drivers.redfish_conversation import Conversation
from bmctl.errors import BmctlError
from bmctl.model.firmware import SecureBootState


class RedfishSecureBoot:
    """Reads and sets `SecureBootEnable`, which is about the next boot."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def state(self) -> SecureBootState:
        """Whether the next boot will be enforced; unknown where the controller will not say."""
        return await self._conversation.call("tell the secure boot state", lambda: read(self._conversation))

    async def set(self, enabled: bool) -> None:
        """Set it for the next boot, and see that it is set."""
        doing = f"set secure boot {'on' if enabled else 'off'}"
        wanted = SecureBootState.ENABLED if enabled else SecureBootState.DISABLED

        def send() -> None:
            self._conversation.system.secure_boot.set_enabled(enabled)

        def done() -> bool:
            return read(self._conversation) is wanted

        await self._conversation.change(doing, send, done=done)
        if not await self._conversation.call(doing, done):
            raise BmctlError(
                f"the controller did not {doing}",
                hint="some machines need the BIOS boot mode set to UEFI first, or a restart",
            )


def offers_secure_boot(system: Any) -> bool:
    """Whether the system has the resource; costs no request."""
    return bool(system.json.get("SecureBoot"))


def read(conversation: Conversation) -> SecureBootState:
    """The setting for the next boot. Blocks: one request. A controller may want a licence for it: unknown."""
    path = (conversation.system.json.get("SecureBoot") or {}).get("@odata.id")
    if not path:
        return SecureBootState.UNKNOWN
    try:
        enabled = conversation.document(path).get("SecureBootEnable")
    except (sushy.exceptions.AccessError, sushy.exceptions.ResourceNotFoundError):
        return SecureBootState.UNKNOWN
    if enabled is None:
        return SecureBootState.UNKNOWN
    return SecureBootState.ENABLED if enabled else SecureBootState.DISABLED
