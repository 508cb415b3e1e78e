"""The agent's own steps as tasks of a plan: which run, when, and what each of them needs afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bmctl.engine.plan import Task
from bmctl.steps import STEPS
from bmctl.steps.run_agent_step import RunAgentStep

# The agent is there from after deploy (100) until before tear_down_agent (40).
HIGHEST = 99
LOWEST = 41

# Which goes first of two steps with one priority: the higher.
INTERFACE_RANK = {
    "vendor": 7,
    "power": 6,
    "management": 5,
    "firmware": 4,
    "deploy": 3,
    "bios": 2,
    "raid": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOffer:
    """A step the agent offers with a priority above 0."""

    interface: str
    step: str
    priority: int
    reboot_requested: bool = False

    @property
    def key(self) -> str:
        """The step as `interface.step`."""
        return f"{self.interface}.{self.step}"


def offers(agent_steps: Mapping[str, Any] | None, *, core: Collection[str]) -> tuple[AgentOffer, ...]:
    """The agent's steps that run by default; one named like a core step is run by that, and not here."""
    found = (
        AgentOffer(
            interface=step["interface"],
            step=step["step"],
            priority=step["priority"],
            reboot_requested=step.get("reboot_requested", False),
        )
        for step in (agent_steps or {}).get("steps", ())
    )
    return tuple(offer for offer in found if offer.priority > 0 and offer.key not in core)


def agent_tasks(offer: AgentOffer, boot: tuple[Task, ...]) -> tuple[Task, ...]:
    """The task of one offer; `boot` follows where the machine must restart into the ramdisk."""
    priority = min(max(offer.priority, LOWEST), HIGHEST)
    task = Task(
        step=STEPS["agent.run_step"],
        args=RunAgentStep(kind="deploy", interface=offer.interface, step=offer.step, priority=offer.priority),
        part_of=offer.key,
        priority=priority,
        origin="agent",
        reason=_reason(offer, priority),
        subject=offer.key,
    )
    if not offer.reboot_requested:
        return (task,)
    again = (
        replace(
            step,
            part_of=offer.key,
            priority=priority,
            origin="agent",
            reason=f"{offer.key} asks for a restart; {step.reason}",
            subject=offer.key,
        )
        for step in boot
    )
    return (task, *again)


def rank(task: Task) -> tuple[int, int]:
    """Sorts tasks: higher priorities first, on a tie by interface; tasks of one part keep their order."""
    interface = task.part_of.partition(".")[0]
    return -task.priority, -INTERFACE_RANK.get(interface, 0)


def _reason(offer: AgentOffer, priority: int) -> str:
    if priority == offer.priority:
        return "offered by the agent with this priority"
    return f"offered by the agent with priority {offer.priority}, when it does not run"
