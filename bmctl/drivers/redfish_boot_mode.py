"""The firmware interface a machine boots with, through `BootSourceOverrideMode` (DMTF DSP0268)."""

from __future__ import annotations

from typing import Any

from bmctl.drivers.redfish_boot import MODES, mode_of
from bmctl.drivers.redfish_conversation import Conversation
from bmctl.errors import InvalidError
from bmctl.model.firmware import BootMode


class RedfishBootMode:
    """Reads and sets the boot mode; some controllers do it by a job that runs at the next restart."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def mode(self) -> BootMode | None:
        """The mode as the controller reports it now, None where it does not say; one request."""
        return await self._conversation.call("tell the boot mode", self._mode)

    async def set(self, mode: BootMode) -> None:
        """Ask for it; whether it shows at once is for the caller to see."""
        doing = f"set the boot mode to {mode}"
        await self._conversation.call(doing, lambda: self._refuse_unknown(mode))
        await self._conversation.change(doing, lambda: self._send(mode), done=lambda: self._mode() is mode)

    def _mode(self) -> BootMode | None:
        return mode_of(self._conversation.look())

    def _refuse_unknown(self, mode: BootMode) -> None:
        boot = self._conversation.look_lately().json.get("Boot") or {}
        allowed = boot.get("BootSourceOverrideMode@Redfish.AllowableValues")
        if allowed and MODES[mode].value not in allowed:
            offered = ", ".join(allowed)
            raise InvalidError(f"this controller cannot set the boot mode {mode} (it offers {offered})")

    def _send(self, mode: BootMode) -> None:
        try:
            self._conversation.system.set_system_boot_options(mode=MODES[mode])
        finally:
            self._conversation.changed()


def offers_boot_mode(system: Any) -> bool:
    """Whether the system shows its boot mode; costs no request."""
    return (system.json.get("Boot") or {}).get("BootSourceOverrideMode") is not None
