"""The one loop: journal, run a step, journal; and the tidying up when it ends early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bmctl.engine.gate import NotStartedError
from bmctl.engine.plan import Plan, Task
from bmctl.engine.steer import AbortedError, Helm, NoHelm, heed, steered
from bmctl.engine.step import Replay, Scope
from bmctl.errors import BmctlError, ExitCode, HeldError
from bmctl.model.event import EventKind, RunEvent, Tell
from bmctl.store.marks import Mark, RunRecord

if TYPE_CHECKING:
    from bmctl.ports import Ports

# Tidying up talks to a controller that may be the very thing that failed.
TIDY_BUDGET = 90.0


class StepFailedError(BmctlError):
    """A task failed: the stage, what was seen and what to try.

    Exit code 3 promises that nothing was touched, so a machine that was makes it 1.
    """

    def __init__(self, task: Task, cause: BmctlError, evidence: str, *, touched: bool) -> None:
        seen = f" (seen: {evidence})" if evidence else ""
        super().__init__(f"{task.title}: {cause.message}{seen}", hint=cause.hint)
        self.task = task
        self.cause = cause
        self.evidence = evidence
        spoiled = touched and cause.exit_code is ExitCode.INVALID
        self.exit_code = ExitCode.FAILED if spoiled else cause.exit_code


@dataclass(slots=True, kw_only=True)
class Run:
    """One node's plan on its way. `replan` may put tasks after the one just done, never before it.

    `redo` names an interrupted task that an operator allows to run again. `settled` are the tasks that
    this process ran, or told to be done before. `tidy_aborted` follows `tidy` where an operator ended the
    run; one that is opened `to_end` is tidied whatever its marks say.
    """

    plan: Plan
    ports: Ports
    record: RunRecord
    tell: Tell
    tidy: tuple[Task, ...] = ()
    tidy_aborted: tuple[Task, ...] = ()
    to_end: bool = False
    replan: Callable[[Plan, RunRecord], Plan] | None = None
    redo: str | None = None
    helm: Helm = field(default_factory=NoHelm)
    clock: Callable[[], float]
    settled: set[str] = field(default_factory=set)

    @property
    def touched(self) -> bool:
        """Whether the machine was changed, or may have been, by any process of this run."""
        return any(task.step.touches and task.key in self.record.marks for task in self.plan.tasks)

    def waits_for_agent(self, key: str) -> bool:
        """Whether the task of this key is one in which the agent is waited for."""
        position = self.plan.position(key)
        if position is None:
            return False
        step = self.plan.tasks[position].step
        return step.needs_ramdisk or step.key == "agent.wait"

    def say(self, kind: EventKind, task: Task, **more: Any) -> None:
        """Tell what happened to a task."""
        event = {"text": task.title, **more}
        self.tell(RunEvent(node=self.plan.node, kind=kind, task=task.key, **event))


async def check(run: Run) -> None:
    """Run the leading tasks that only look; the machine is not touched.

    What makes ready for booting comes after: a run cut off there is one that can be resumed.
    """
    for task in run.plan.tasks:
        if task.step.touches or task.step.boots:
            return
        await _attempt(run, task)


async def execute(run: Run) -> None:
    """Run the plan from after the last task the journal calls done; raises `StepFailedError`."""
    position = 0
    while position < len(run.plan.tasks):
        task = run.plan.tasks[position]
        await _attempt(run, task)
        _replan(run, task)
        position = (run.plan.position(task.key) or position) + 1


@asynccontextmanager
async def tidied(run: Run) -> AsyncIterator[None]:
    """Whatever ends the block early, the controller of a machine that this run has touched is left clean.

    Only where an operator has to look first (`HeldError`), or where nothing was tried because of
    another machine (`NotStartedError`), all stays as it is.
    """
    try:
        yield
    except (HeldError, NotStartedError):
        raise
    except (BmctlError, asyncio.CancelledError, Exception) as error:
        if run.touched or run.to_end:
            tasks = (*run.tidy, *run.tidy_aborted) if isinstance(error, AbortedError) else run.tidy
            await asyncio.shield(asyncio.ensure_future(_tidy(run, tasks)))
        raise


def _replan(run: Run, task: Task) -> None:
    """What was learnt may show that the plan cannot be; nothing that it asked for was begun then."""
    if run.replan is None:
        return
    try:
        run.plan = run.replan(run.plan, run.record)
    except BmctlError as error:
        # What was seen of the machine has nothing to do with it.
        raise _failed(run, task, error, seen="") from error


async def _attempt(run: Run, task: Task) -> None:
    if _is_settled(run, task):
        if task.key not in run.settled:
            run.settled.add(task.key)
            run.say(EventKind.SKIPPED, task)
        return
    interrupted = run.record.marks.get(task.key) in {Mark.STARTED, Mark.FAILED}
    if interrupted and task.step.replay is Replay.ASK and run.redo != task.key:
        raise HeldError(
            f"{task.key} was interrupted and may have changed the machine",
            hint=f"inspect the machine, then run: bmctl resume {run.plan.node} --redo {task.key}",
        )
    heed(run.helm, task, run.plan.node)
    run.record.mark(task.key, Mark.STARTED)
    run.say(EventKind.STARTED, task, fields=_place_of(task))
    began = run.clock()
    late: list[str] = []
    await _perform(run, task, late)
    took = run.clock() - began
    run.record.mark(task.key, Mark.DONE, seconds=took)
    run.settled.add(task.key)
    run.say(EventKind.DONE, task, seconds=took)
    if late:
        raise AbortedError(f"aborted after {task.key} by {late[0]}: it could not be cut off")


def _place_of(task: Task) -> dict[str, Any]:
    """Where the task stands in the plan, for who hears of one that joined it later."""
    return {
        "part_of": task.part_of,
        "origin": task.origin,
        "reason": task.reason,
        "needs_ramdisk": task.step.needs_ramdisk,
    }


async def _perform(run: Run, task: Task, late: list[str]) -> None:
    ports = run.ports.of(task.on)
    with ports.telling(task.key, run.tell):
        try:
            async with asyncio.timeout(task.step.budget):
                await steered(run.helm, task, task.step.run(ports, task.args), late=late)
        except TimeoutError:
            overdue = BmctlError(
                f"not done after {task.step.budget:.0f} s",
                hint="see what was seen so far, then try again with: bmctl resume " + run.plan.node,
            )
            raise _failed(run, task, overdue) from None
        except (HeldError, AbortedError):
            raise
        except BmctlError as error:
            raise _failed(run, task, error) from error


def _failed(run: Run, task: Task, cause: BmctlError, *, seen: str | None = None) -> StepFailedError:
    seen = str(run.ports.evidence) if seen is None else seen
    error = StepFailedError(task, cause, seen, touched=run.touched)
    run.record.mark(task.key, Mark.FAILED)
    run.say(
        EventKind.FAILED,
        task,
        text=error.message,
        hint=error.hint,
        fields={"evidence": run.ports.evidence.to_json()},
    )
    return error


def _is_settled(run: Run, task: Task) -> bool:
    """Whether a task's result is there already."""
    if not run.record.done(task.key):
        return False
    if task.step.scope is not Scope.PROCESS or task.key in run.settled:
        return True
    return not _ramdisk_work_left(run)


def _ramdisk_work_left(run: Run) -> bool:
    return any(
        (other.step.boots or other.step.needs_ramdisk)
        and other.step.scope is not Scope.PROCESS
        and not run.record.done(other.key)
        for other in run.plan.tasks
    )


async def _tidy(run: Run, tasks: tuple[Task, ...]) -> None:
    """Run the tasks that tidy up, each whatever became of the others; never raises over a machine."""
    for task in tasks:
        with run.ports.telling(task.key, run.tell):
            try:
                async with asyncio.timeout(TIDY_BUDGET):
                    await task.step.run(run.ports, task.args)
            except (BmctlError, TimeoutError, OSError) as error:
                text = getattr(error, "message", None) or f"not done after {TIDY_BUDGET:.0f} s"
                run.say(EventKind.WARNING, task, text=f"{task.title}: {text}")
