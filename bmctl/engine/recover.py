"""What a resume must do again: booting the ramdisk, where it is needed and no longer there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bmctl.engine.plan import Task
from bmctl.engine.run import Run
from bmctl.engine.step import Scope
from bmctl.store.marks import Mark


async def recover(run: Run, ramdisk_is_up: Callable[[], Awaitable[bool]]) -> None:
    """Take back the marks of the last boot of the ramdisk where it is needed again and is gone.

    `ramdisk_is_up` is asked only where the answer matters.
    """
    first = _first_pending(run)
    if first is None:
        return
    started = [task for task in _boot_before(run.plan.tasks, first) if task.key in run.record.marks]
    if not started or await ramdisk_is_up():
        return
    for task in started:
        run.record.mark(task.key, Mark.UNDONE)


def _first_pending(run: Run) -> int | None:
    """Where the first task stands that is not done and boots the ramdisk or needs it; None if none is left.

    What lives in a process is done again in each, and says nothing of how far the machine is.
    """
    for index, task in enumerate(run.plan.tasks):
        about_ramdisk = task.step.boots or task.step.needs_ramdisk
        if about_ramdisk and task.step.scope is not Scope.PROCESS and not run.record.done(task.key):
            return index
    return None


def _boot_before(tasks: tuple[Task, ...], position: int) -> tuple[Task, ...]:
    """The tasks that bring up the ramdisk in which the task at this position runs.

    A plan boots the ramdisk again after steps of the agent that ask for it; only the last boot counts.
    """
    starts = [index for index in range(position + 1) if _begins_boot(tasks, index)]
    if not starts:
        return ()
    end = starts[-1]
    while end < len(tasks) and tasks[end].step.boots:
        end += 1
    return tasks[starts[-1] : end]


def _begins_boot(tasks: tuple[Task, ...], index: int) -> bool:
    if index >= len(tasks) or not tasks[index].step.boots:
        return False
    return index == 0 or not tasks[index - 1].step.boots
