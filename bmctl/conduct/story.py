"""What can be told of one node's run: while it goes, and after it ended, however it ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from bmctl.conduct.runs import RunSheet
from bmctl.conduct.standing import Standing
from bmctl.engine.run import Run
from bmctl.engine.steer import AbortedError
from bmctl.errors import BmctlError, HeldError
from bmctl.model.event import EventKind, RunEvent, Tell
from bmctl.model.node import Node
from bmctl.store.event_log import EVENTS, EventLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one node's run ended.

    `run_id` names the run that can be looked at or gone on with, None where no machine was touched;
    `verb` is what it did, `seconds` are per task, `requests` counts what its controller was asked. `facts`
    are for whoever asked alone (the password of a rescue), never for a log.
    """

    node: Node
    verb: str = ""
    run_id: str | None = None
    error: BmctlError | None = None
    interrupted: bool = False
    total: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    instance_id: str | None = None
    requests: int | None = None
    facts: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the run ended well."""
        return self.error is None and not self.interrupted

    @property
    def held(self) -> bool:
        """Whether it waits for an operator."""
        return isinstance(self.error, HeldError)


@dataclass(slots=True, kw_only=True)
class Story:
    """The run as it is told. `stack` closes what it keeps open."""

    stack: ExitStack
    tell: Tell
    sheet: RunSheet | None = None
    entered: bool = False
    requests: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def follow(self, sheet: RunSheet, clock: Callable[[], float]) -> None:
        """From now on all that is told is kept in the run's folder too."""
        self.sheet, self.entered = sheet, sheet.resumed
        log = self.stack.enter_context(
            EventLog(sheet.folder.path / EVENTS, clock=clock, secrets=sheet.secrets)
        )
        told = self.tell

        def tell(event: RunEvent) -> None:
            log(event)
            told(event)

        self.tell = tell

    def outcome(self, node: Node, *, error: BmctlError | None, interrupted: bool, total: float) -> Outcome:
        """How it ended."""
        sheet = self.sheet
        if sheet is None:
            return Outcome(node=node, error=error, interrupted=interrupted, total=total)
        return Outcome(
            node=node,
            verb=sheet.request.verb.value,
            run_id=sheet.run_id if self.entered else None,
            error=error,
            interrupted=interrupted,
            total=total,
            seconds=dict(sheet.record.seconds),
            instance_id=sheet.record.get("instance_id"),
            requests=self.requests,
            facts=self.facts,
        )


def state_keeper(tell: Tell, standing: Standing, run_waits: Callable[[str], bool]) -> Tell:
    """Passes events on, and keeps the provision state in step with waiting for the agent.

    `run_waits` says whether a task is one during which the agent is waited for.
    """

    def listen(event: RunEvent) -> None:
        if run_waits(event.task):
            if event.kind is EventKind.STARTED:
                standing.waits()
            elif event.kind is EventKind.DONE:
                standing.goes_on()
        tell(event)

    return listen


def planned(run: Run, usual: dict[str, float]) -> RunEvent:
    """What is ahead, with the seconds each task usually takes: on this machine, else on any."""
    typical = {task.key: usual.get(task.key, task.step.typical) for task in run.plan.tasks}
    return RunEvent(node=run.plan.node, kind=EventKind.PLANNED, fields={"typical": typical})


def end_of(outcome: Outcome) -> RunEvent:
    """The last thing that is told of a run."""
    text = "interrupted" if outcome.interrupted else "held" if outcome.held else "failed"
    if isinstance(outcome.error, AbortedError):
        text = "aborted"
    return RunEvent(
        node=outcome.node.name,
        kind=EventKind.FINISHED,
        text=PAST.get(outcome.verb, "done") if outcome.ok else text,
        seconds=round(outcome.total, 3),
        fields={
            "run": outcome.run_id,
            "verb": outcome.verb,
            "instance_id": outcome.instance_id,
            "controller_requests": outcome.requests,
        },
    )


PAST = {
    "deploy": "deployed",
    "undeploy": "undeployed",
    "provide": "cleaned",
    "clean": "cleaned",
    "service": "serviced",
    "inspect": "inspected",
    "learn": "asked",
    "rescue": "in rescue",
    "unrescue": "back in use",
    "abort": "aborted",
}
