"""Start the deployed system from the machine's disk."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState
from bmctl.ports import Ports

_TRIED = "told to boot the disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootInstance:
    """The firmware interface the deployed system boots with."""

    mode: BootMode


async def boot_instance(ports: Ports, args: BootInstance) -> None:
    """Leave the machine on, booting its disk.

    It is off before. One that is on although an earlier process was here has been started by it, and
    must not be told again what to boot: that would hold for its next boot.
    """
    if ports.record.get(_TRIED) is not None and await ports.driver.power.state() is PowerState.ON:
        ports.evidence.see("power", "on since before")
        return
    ports.record.put(_TRIED, True)
    if ports.driver.boot is not None:
        await ports.driver.boot.set_next(BootTarget.DISK, args.mode)
    await ports.driver.power.set(PowerAction.ON)
    ports.evidence.see("power", "on, from disk")


STEP = Step(
    interface="deploy",
    name="boot_instance",
    title="boot the deployed system",
    args=BootInstance,
    run=boot_instance,
    budget=300,
    typical=1,
)
