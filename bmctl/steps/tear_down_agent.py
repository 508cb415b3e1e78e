"""Have the agent flush what it wrote and switch the machine off."""

from __future__ import annotations

import asyncio

from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.model.firmware import PowerAction, PowerState
from bmctl.ports import Ports
from bmctl.steps.agent_command import FLUSH_BUDGET

# How long a ramdisk may take to stop by itself before it is switched off.
STOP_BUDGET = 60.0
# A controller is asked seldom, and then more seldom: each look is a request.
FIRST_LOOK = 3.0
PAUSE = 1.5
GROWTH = 1.5
LONGEST_PAUSE = 10.0
# An agent that was told to stop before has most likely stopped.
SHORT_PATIENCE = 10.0
_ASKED = "asked to stop"


async def tear_down_agent(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine off, with every written byte on its disk."""
    asked_before = ports.record.get(_ASKED) is not None
    if asked_before and await ports.driver.power.state() is PowerState.OFF:
        ports.evidence.see("power", "off")
        return
    ports.record.put(_ASKED, True)
    if await _ask_to_stop(ports, patience=SHORT_PATIENCE if asked_before else FLUSH_BUDGET):
        await _wait_until_off(ports)
    await ports.driver.power.set(PowerAction.OFF)
    ports.evidence.see("power", "off")


async def _ask_to_stop(ports: Ports, *, patience: float) -> bool:
    """Whether the agent said that it will switch the machine off. What matters is on the disk already."""
    try:
        await ports.agent.call("standby.sync", {}, timeout=patience)
        await ports.agent.start("standby.power_off", {}, timeout=min(patience, 60.0))
    except BmctlError as error:
        ports.note(f"the agent did not stop the machine itself: {error.message}")
        return False
    return True


async def _wait_until_off(ports: Ports) -> None:
    pause = PAUSE
    try:
        async with asyncio.timeout(STOP_BUDGET):
            await asyncio.sleep(FIRST_LOOK)
            while await ports.driver.power.state() is not PowerState.OFF:
                await asyncio.sleep(pause)
                pause = min(pause * GROWTH, LONGEST_PAUSE)
    except TimeoutError:
        ports.note(f"the ramdisk had not stopped after {STOP_BUDGET:.0f} s, switching the machine off")


STEP = Step(
    interface="deploy",
    name="tear_down_agent",
    title="stop the agent",
    args=NoArgs,
    run=tear_down_agent,
    budget=1200,
    typical=5,
)
