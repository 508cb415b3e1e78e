"""Ask the agent which deploy steps it offers; those with a priority join the plan."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Step
from bmctl.ports import Ports
from bmctl.steps.listing import list_steps


async def learn_steps(ports: Ports, _args: NoArgs) -> None:
    """Leave the agent's steps in the journal, and the node in the agent's memory."""
    await list_steps(ports)


STEP = Step(
    interface="agent",
    name="get_steps",
    title="ask the agent for its steps",
    args=NoArgs,
    run=learn_steps,
    budget=180,
    typical=1,
    boots=True,
    touches=False,
)
