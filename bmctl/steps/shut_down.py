"""Shut the machine's own system down, as it goes on being used afterwards."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.model.firmware import PowerAction, PowerState
from bmctl.ports import Ports
from bmctl.steps.patience import PATIENCE, Patience


async def shut_down(ports: Ports, _args: NoArgs, patience: Patience = PATIENCE) -> None:
    """Leave the machine off, with all that its system wanted to write on its disk.

    A system that does not shut down in time is cut off. Once the agent of this run was met, what runs is
    a ramdisk, which has nothing to write.
    """
    power = ports.driver.power
    if await power.state() is not PowerState.OFF:
        if ports.record.get("agent") is None:
            await _ask(ports, patience)
        await power.set(PowerAction.OFF)
    ports.evidence.see("power", "off")


async def _ask(ports: Ports, patience: Patience) -> None:
    try:
        await ports.driver.power.set(PowerAction.SOFT_OFF, timeout=patience.shutdown)
    except BmctlError as error:
        ports.note(f"switching the machine off, as it did not shut down by itself: {error.message}")


STEP = Step(
    interface="power",
    name="shut_down",
    title="shut the machine down",
    args=NoArgs,
    run=shut_down,
    budget=PATIENCE.shutdown + 180,
    typical=10,
    boots=True,
)
