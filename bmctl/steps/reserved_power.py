"""Switch a machine off, on, or off and on again, where a list of steps says so."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Step
from bmctl.model.firmware import PowerAction
from bmctl.ports import Ports


async def switch_off(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine off."""
    await ports.driver.power.set(PowerAction.OFF)
    ports.evidence.see("power", "off")


async def switch_on(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine on."""
    await ports.driver.power.set(PowerAction.ON)
    ports.evidence.see("power", "on")


async def restart(ports: Ports, args: NoArgs) -> None:
    """Leave the machine on, started anew."""
    await switch_off(ports, args)
    await switch_on(ports, args)


POWER_OFF = Step(
    interface="reserved",
    name="power_off",
    title="switch off",
    args=NoArgs,
    run=switch_off,
    budget=180,
)
POWER_ON = Step(
    interface="reserved",
    name="power_on",
    title="switch on",
    args=NoArgs,
    run=switch_on,
    budget=180,
)
REBOOT = Step(
    interface="reserved",
    name="reboot",
    title="restart",
    args=NoArgs,
    run=restart,
    budget=360,
    typical=2,
)
