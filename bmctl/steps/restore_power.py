"""Leave a machine that was only looked at in the power state it was found in."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState
from bmctl.ports import Ports
from bmctl.steps.release_machine import POWER_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePower:
    """The firmware interface that the machine's own system boots with."""

    mode: BootMode


async def restore_power(ports: Ports, args: RestorePower) -> None:
    """Leave the machine on, from its disk, where it was on before the run; it is off meanwhile."""
    if ports.record.get("power_before") != PowerState.ON.value:
        return
    if await ports.driver.power.state() is PowerState.ON:
        return
    if ports.driver.boot is not None:
        await ports.driver.boot.set_next(BootTarget.DISK, args.mode)
    await ports.driver.power.set(PowerAction.ON)
    ports.evidence.see("power", "on, from disk, as before")
    ports.record.put(POWER_AFTER, "on")


STEP = Step(
    interface="power",
    name="restore",
    title="restore the power state",
    args=RestorePower,
    run=restore_power,
    budget=300,
)
