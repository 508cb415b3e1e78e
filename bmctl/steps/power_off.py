"""Switch the machine off, as the ramdisk must start from a cold machine."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Step
from bmctl.model.firmware import PowerAction
from bmctl.ports import Ports


async def power_off(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine off, whatever ran on it."""
    await ports.driver.power.set(PowerAction.OFF)
    ports.evidence.see("power", "off")


STEP = Step(
    interface="power",
    name="power_off",
    title="switch the machine off",
    args=NoArgs,
    run=power_off,
    budget=180,
    typical=1,
    boots=True,
)
