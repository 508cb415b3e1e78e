"""Have the agent flush what it wrote and switch the machine off."""

from __future__ import annotations

import asyncio

from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.model.firmware import PowerAction, PowerState
from bmctl.ports import Ports

# How long a ramdisk may take to stop by itself before it is switched off.
STOP_BUDGET = 60.0
FIRST_LOOK = 2.0
PAUSE = 1.5


async def tear_down_agent(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine off, with every written byte on its disk."""
    try:
        await ports.agent.call("standby.sync", {})
        await ports.agent.start("standby.power_off", {})
    except BmctlError as error:
        ports.note(f"the agent did not stop the machine itself: {error.message}")
    else:
        await _wait_until_off(ports)
    await ports.driver.power.set(PowerAction.OFF)
    ports.evidence.see("power", "off")


async def _wait_until_off(ports: Ports) -> None:
    try:
        async with asyncio.timeout(STOP_BUDGET):
            await asyncio.sleep(FIRST_LOOK)
            while await ports.driver.power.state() is not PowerState.OFF:  # noqa: ASYNC110 - a controller tells nothing by itself
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        ports.note(f"the ramdisk had not stopped after {STOP_BUDGET:.0f} s, switching the machine off")


STEP = Step(
    interface="deploy",
    name="tear_down_agent",
    title="stop the agent",
    args=NoArgs,
    run=tear_down_agent,
    budget=300,
    typical=5,
)
