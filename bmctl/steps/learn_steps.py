"""Ask the agent which steps it offers."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.listing import list_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnSteps:
    """The kinds of steps to ask for."""

    kinds: tuple[StepKind, ...]


async def learn_steps(ports: Ports, args: LearnSteps) -> None:
    """Leave the agent's steps in the journal, and the node in the agent's memory."""
    for kind in args.kinds:
        await list_steps(ports, kind)


STEP = Step(
    interface="agent",
    name="get_steps",
    title="ask the agent for its steps",
    args=LearnSteps,
    run=learn_steps,
    budget=180,
    typical=1,
    boots=True,
    touches=False,
)
