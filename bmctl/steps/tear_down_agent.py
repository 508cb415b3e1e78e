"""Have the agent flush what it wrote and switch the machine off."""

from __future__ import annotations

import asyncio

from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError, UnreachableError
from bmctl.model.firmware import PowerAction, PowerState
from bmctl.ports import Ports
from bmctl.steps.agent_command import FLUSH_BUDGET

# How long a ramdisk may take to stop by itself before it is switched off.
STOP_BUDGET = 60.0
# The controller is asked only once the agent is gone, and then more and more seldom: each look is a request.
AGENT_TIMEOUT = 2.0
AGENT_PAUSE = 0.5
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
    patience = SHORT_PATIENCE if asked_before else FLUSH_BUDGET
    if not (await _ask_to_stop(ports, patience=patience) and await _is_seen_off(ports)):
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


async def _is_seen_off(ports: Ports) -> bool:
    """Whether the machine stopped by itself within `STOP_BUDGET`."""
    pause = PAUSE
    try:
        async with asyncio.timeout(STOP_BUDGET):
            while await _answers(ports):  # noqa: ASYNC110 - an agent tells nothing by itself
                await asyncio.sleep(AGENT_PAUSE)
            while await ports.driver.power.state() is not PowerState.OFF:
                await asyncio.sleep(pause)
                pause = min(pause * GROWTH, LONGEST_PAUSE)
    except TimeoutError:
        ports.note(f"the ramdisk had not stopped after {STOP_BUDGET:.0f} s, switching the machine off")
        return False
    return True


async def _answers(ports: Ports) -> bool:
    try:
        await ports.agent.status(timeout=AGENT_TIMEOUT)
    except UnreachableError:
        return False
    return True


STEP = Step(
    interface="deploy",
    name="tear_down_agent",
    title="stop the agent",
    args=NoArgs,
    run=tear_down_agent,
    budget=1200,
    typical=5,
)
