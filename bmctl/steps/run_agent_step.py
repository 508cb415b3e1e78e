"""Run one of the agent's own steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bmctl.engine.step import Step
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.agent_command import FLUSH_BUDGET, flush
from bmctl.steps.listing import run_listed_step

# Erasing a large disk takes hours; a day is past all that is useful.
BUDGET = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAgentStep:
    """An agent step as it was listed: `kind` is deploy, clean or service."""

    kind: str
    interface: str
    step: str
    priority: int
    arguments: dict[str, Any] = field(default_factory=dict)


async def run_agent_step(ports: Ports, args: RunAgentStep) -> None:
    """Return once the agent reports that the step succeeded, and what it wrote is on the disk."""
    await run_listed_step(
        ports,
        StepKind(args.kind),
        interface=args.interface,
        name=args.step,
        priority=args.priority,
        arguments=args.arguments,
        timeout=BUDGET,
    )
    await flush(ports)


STEP = Step(
    interface="agent",
    name="run_step",
    title="run a step of the agent",
    args=RunAgentStep,
    run=run_agent_step,
    budget=BUDGET + FLUSH_BUDGET + 120,
    typical=10,
    needs_ramdisk=True,
)
