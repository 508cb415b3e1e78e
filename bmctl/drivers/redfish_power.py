"""Power through Redfish: what the machine is, and switching it until it is so."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import sushy

from bmctl.drivers.redfish_conversation import Conversation
from bmctl.errors import BmctlError, RefusedError
from bmctl.model.firmware import PowerAction, PowerState

# Seconds between looks: machines that do not switch at once are not asked often.
LONGEST_PAUSE = 3.0

_STATES = {
    sushy.PowerState.ON: PowerState.ON,
    sushy.PowerState.OFF: PowerState.OFF,
    sushy.PowerState.POWERING_ON: PowerState.POWERING_ON,
    sushy.PowerState.POWERING_OFF: PowerState.POWERING_OFF,
}

# What may be sent for each wish, the first that the machine allows (DSP0268, ComputerSystem.Reset).
_ON = (sushy.ResetType.ON, sushy.ResetType.FORCE_ON)
_OFF = (sushy.ResetType.FORCE_OFF,)
_SOFT_OFF = (sushy.ResetType.GRACEFUL_SHUTDOWN, sushy.ResetType.PUSH_POWER_BUTTON)

_STEPS = {
    PowerAction.ON: ((_ON, PowerState.ON),),
    PowerAction.OFF: ((_OFF, PowerState.OFF),),
    PowerAction.SOFT_OFF: ((_SOFT_OFF, PowerState.OFF),),
    PowerAction.REBOOT: ((_OFF, PowerState.OFF), (_ON, PowerState.ON)),
    PowerAction.SOFT_REBOOT: ((_SOFT_OFF, PowerState.OFF), (_ON, PowerState.ON)),
}


class RedfishPower:
    """Switches the machine by `ComputerSystem.Reset` and polls until it is switched."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def state(self) -> PowerState:
        """The power as the controller reports it now; one request."""
        return await self._conversation.call("tell the power state", self._state)

    async def set(self, action: PowerAction, *, timeout: float = 120.0) -> None:
        """Return once the machine is as asked; `timeout` is for each change, a reboot makes two."""
        for resets, wanted in _STEPS[action]:
            if await self._state_lately() is not wanted:
                await self._switch(resets, wanted)
                await self._wait(wanted, timeout, forced=resets is not _SOFT_OFF)

    async def _state_lately(self) -> PowerState:
        conversation = self._conversation
        return await conversation.call("tell the power state", lambda: power_of(conversation.look_lately()))

    async def _switch(self, resets: tuple[sushy.ResetType, ...], wanted: PowerState) -> None:
        doing = f"switch the machine {wanted}"
        await self._conversation.change(
            doing, lambda: self._reset(resets, doing), done=lambda: self._state() is wanted
        )

    async def _wait(self, wanted: PowerState, timeout: float, *, forced: bool) -> None:
        start = time.monotonic()
        for number in itertools.count():
            left = timeout - (time.monotonic() - start)
            await asyncio.sleep(
                max(0.0, min(self._conversation.pace.power_look * 2 ** min(number, 8), LONGEST_PAUSE, left))
            )
            if (state := await self.state()) is wanted:
                return
            if left <= 0:
                hint = "look at its console" if forced else "force it: bmctl power off"
                seen = f"the controller says the machine is {state}"
                raise BmctlError(f"{seen}, {timeout:g} s after it was told to be {wanted}", hint=hint)

    def _state(self) -> PowerState:
        return power_of(self._conversation.look())

    def _reset(self, resets: tuple[sushy.ResetType, ...], doing: str) -> None:
        system = self._conversation.system
        allowed = system.get_allowed_reset_system_values()
        chosen = next((reset for reset in resets if reset in allowed), None)
        if chosen is None:
            raise RefusedError(
                f"this controller has no way to {doing} ({', '.join(r.value for r in resets)})"
            )
        self._conversation.changed()
        system.reset_system(chosen)


def power_of(system: Any) -> PowerState:
    """The power state in a system that was read."""
    return _STATES.get(system.power_state, PowerState.UNKNOWN)
