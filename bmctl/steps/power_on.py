"""Switch the machine on so that it boots what was chosen."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Step
from bmctl.model.firmware import PowerAction
from bmctl.ports import Ports


async def power_on(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine on."""
    await ports.driver.power.set(PowerAction.ON)
    ports.evidence.see("power", "on")


STEP = Step(
    interface="power",
    name="power_on",
    title="switch the machine on",
    args=NoArgs,
    run=power_on,
    budget=180,
    typical=1,
    boots=True,
)
