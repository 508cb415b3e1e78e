"""Whether the firmware enforces signatures, and the keys it trusts: Redfish's SecureBoot (DMTF DSP0268)."""

from __future__ import annotations

from typing import Any

import sushy.exceptions

from bmctl.drivers.redfish_conversation import Conversation, action, link
from bmctl.errors import InvalidError, RefusedError
from bmctl.model.firmware import SecureBootState

RESET_KEYS = "SecureBoot.ResetKeys"
_TO_DEFAULT = "ResetAllKeysToDefault"
_DELETE = "DeleteAllKeys"


class RedfishSecureBoot:
    """Reads and sets `SecureBootEnable`, which is about the next boot."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def state(self) -> SecureBootState:
        """Whether the next boot will be enforced; unknown where the controller will not say."""
        return await self._conversation.call("tell the secure boot state", lambda: read(self._conversation))

    async def current(self) -> SecureBootState:
        """`SecureBootCurrentBoot`, or the setting where that is not told."""

        def look() -> SecureBootState:
            document = _document(self._conversation)
            told = (document or {}).get("SecureBootCurrentBoot")
            return _CURRENT.get(str(told)) or state_of(document)

        return await self._conversation.call("tell the secure boot state", look)

    async def set(self, enabled: bool) -> None:
        """Ask for it from the next boot on; whether it shows at once is for the caller to see."""
        doing = f"set secure boot {'on' if enabled else 'off'}"
        wanted = SecureBootState.ENABLED if enabled else SecureBootState.DISABLED

        def send() -> None:
            self._conversation.system.secure_boot.set_enabled(enabled)

        await self._conversation.change(doing, send, done=lambda: read(self._conversation) is wanted)


class RedfishSecureBootKeys:
    """Sends `SecureBoot.ResetKeys`. The firmware takes the keys up when it starts the next time."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def reset_to_default(self) -> None:
        """The vendor's keys again."""
        await self._reset("reset its secure boot keys", _TO_DEFAULT)

    async def clear(self) -> None:
        """No keys at all: the firmware is in setup mode then."""
        await self._reset("clear its secure boot keys", _DELETE)

    async def _reset(self, doing: str, kind: str) -> None:
        target = await self._conversation.call(doing, lambda: self._target(kind))

        def send() -> None:
            self._conversation.post(target, {"ResetKeysType": kind})

        # Asking twice ends in the same keys, so there is nothing to look at after a lost answer.
        await self._conversation.change(doing, send, done=lambda: False)

    def _target(self, kind: str) -> str:
        found = action(_document(self._conversation), RESET_KEYS)
        if not found:
            raise RefusedError("this controller cannot change secure boot keys")
        allowed = found.get("ResetKeysType@Redfish.AllowableValues")
        if allowed and kind not in allowed:
            raise InvalidError(f"this controller cannot do {kind} (it offers {', '.join(allowed)})")
        return str(found["target"])


_CURRENT = {"Enabled": SecureBootState.ENABLED, "Disabled": SecureBootState.DISABLED}


def offers_secure_boot(system: Any) -> bool:
    """Whether the system has the resource; costs no request."""
    return bool(system.json.get("SecureBoot"))


def read(conversation: Conversation) -> SecureBootState:
    """The setting for the next boot. Blocks: one request. A controller may want a licence for it: unknown."""
    return state_of(_document(conversation))


def state_of(document: dict[str, Any] | None) -> SecureBootState:
    """The setting in a document that was read, if it was."""
    enabled = (document or {}).get("SecureBootEnable")
    if enabled is None:
        return SecureBootState.UNKNOWN
    return SecureBootState.ENABLED if enabled else SecureBootState.DISABLED


def _document(conversation: Conversation) -> dict[str, Any] | None:
    path = link(conversation.system.json, "SecureBoot")
    try:
        return conversation.document(path) if path else None
    except (sushy.exceptions.AccessError, sushy.exceptions.ResourceNotFoundError):
        return None
