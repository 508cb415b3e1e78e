"""The one loop: journal, run a step, journal; and the tidying up when it ends early."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bmctl.engine.plan import Plan, Task
from bmctl.engine.step import Replay, Scope
from bmctl.errors import BmctlError, HeldError
from bmctl.model.event import EventKind, RunEvent, Tell
from bmctl.store.marks import Mark, RunRecord

if TYPE_CHECKING:
    from bmctl.ports import Ports

# Tidying up talks to a controller that may be the very thing that failed.
TIDY_BUDGET = 90.0


class StepFailedError(BmctlError):
    """A task failed: the stage, what was seen and what to try."""

    def __init__(self, task: Task, cause: BmctlError, evidence: str) -> None:
        seen = f" (seen: {evidence})" if evidence else ""
        super().__init__(f"{task.step.title}: {cause.message}{seen}", hint=cause.hint)
        self.task = task
        self.cause = cause
        self.evidence = evidence
        self.exit_code = cause.exit_code


@dataclass(slots=True, kw_only=True)
class Run:
    """One node's plan on its way. `replan` may put tasks after the one just done, never before it.

    `redo` names an interrupted task that an operator allows to run again.
    """

    plan: Plan
    ports: Ports
    record: RunRecord
    tell: Tell
    tidy: tuple[Task, ...] = ()
    replan: Callable[[Plan, RunRecord], Plan] | None = None
    redo: str | None = None
    clock: Callable[[], float]
    performed: set[str] = field(default_factory=set)


async def check(run: Run) -> None:
    """Run the leading tasks that only look; the machine is not touched."""
    for task in run.plan.tasks:
        if task.step.touches:
            return
        await _attempt(run, task)


async def execute(run: Run) -> None:
    """Run the plan from after the last task the journal calls done, and tidy up if it ends early.

    Raises `StepFailedError`; whatever ends the run early, the machine's controller is left clean.
    """
    try:
        position = 0
        while position < len(run.plan.tasks):
            await _attempt(run, run.plan.tasks[position])
            if run.replan is not None:
                run.plan = run.replan(run.plan, run.record)
            position += 1
    except (BmctlError, asyncio.CancelledError, Exception):
        await _tidy(run)
        raise
    run.record.end("done")


async def recover(run: Run, ramdisk_is_up: Callable[[], Awaitable[bool]]) -> None:
    """Take back the marks of booting the ramdisk where it is needed again and is no longer there."""
    pending = [task for task in run.plan.tasks if not run.record.done(task.key)]
    booting = [task for task in run.plan.tasks if task.step.boots]
    started = [task for task in booting if task.key in run.record.marks]
    needed = any(task.step.needs_ramdisk or task.step.boots for task in pending)
    if not started or not needed or await ramdisk_is_up():
        return
    for task in started:
        run.record.mark(task.key, Mark.UNDONE)


async def _attempt(run: Run, task: Task) -> None:
    if _is_settled(run, task):
        run.tell(RunEvent(node=run.plan.node, kind=EventKind.SKIPPED, task=task.key, text=task.step.title))
        return
    interrupted = run.record.marks.get(task.key) in {Mark.STARTED, Mark.FAILED}
    if interrupted and task.step.replay is Replay.ASK and run.redo != task.key:
        raise HeldError(
            f"{task.key} was interrupted and may have changed the machine",
            hint=f"inspect the machine, then run: bmctl resume {run.plan.node} --redo {task.key}",
        )
    run.record.mark(task.key, Mark.STARTED)
    run.tell(RunEvent(node=run.plan.node, kind=EventKind.STARTED, task=task.key, text=task.step.title))
    began = run.clock()
    await _perform(run, task)
    took = run.clock() - began
    run.record.mark(task.key, Mark.DONE, seconds=took)
    run.performed.add(task.key)
    run.tell(
        RunEvent(node=run.plan.node, kind=EventKind.DONE, task=task.key, text=task.step.title, seconds=took)
    )


async def _perform(run: Run, task: Task) -> None:
    with run.ports.telling(task.key, run.tell):
        try:
            async with asyncio.timeout(task.step.budget):
                await task.step.run(run.ports, task.args)
        except TimeoutError:
            late = BmctlError(
                f"not done after {task.step.budget:.0f} s",
                hint="see what was seen so far, then try again with: bmctl resume " + run.plan.node,
            )
            raise _failed(run, task, late) from None
        except StepFailedError:
            raise
        except BmctlError as error:
            raise _failed(run, task, error) from error


def _failed(run: Run, task: Task, cause: BmctlError) -> StepFailedError:
    error = StepFailedError(task, cause, str(run.ports.evidence))
    run.record.mark(task.key, Mark.FAILED)
    run.tell(
        RunEvent(
            node=run.plan.node,
            kind=EventKind.FAILED,
            task=task.key,
            text=error.message,
            hint=error.hint,
            fields={"evidence": run.ports.evidence.to_json()},
        )
    )
    return error


def _is_settled(run: Run, task: Task) -> bool:
    """Whether a task's result is there already."""
    if task.step.scope is not Scope.PROCESS:
        return run.record.done(task.key)
    if task.key in run.performed:
        return run.record.done(task.key)
    return run.record.done(task.key) and not _ramdisk_work_left(run)


def _ramdisk_work_left(run: Run) -> bool:
    return any(
        (other.step.boots or other.step.needs_ramdisk)
        and other.step.scope is not Scope.PROCESS
        and not run.record.done(other.key)
        for other in run.plan.tasks
    )


async def _tidy(run: Run) -> None:
    """Leave the controller as it was found, once the machine has been touched; never raises."""
    touched = any(task.step.touches and task.key in run.record.marks for task in run.plan.tasks)
    if not touched:
        return
    await asyncio.shield(asyncio.ensure_future(_tidy_all(run)))


async def _tidy_all(run: Run) -> None:
    for task in run.tidy:
        try:
            async with asyncio.timeout(TIDY_BUDGET):
                await task.step.run(run.ports, task.args)
        except (BmctlError, TimeoutError, OSError) as error:
            text = getattr(error, "message", None) or f"not done after {TIDY_BUDGET:.0f} s"
            run.tell(
                RunEvent(
                    node=run.plan.node,
                    kind=EventKind.WARNING,
                    task=task.key,
                    text=f"{task.step.title}: {text}",
                )
            )
