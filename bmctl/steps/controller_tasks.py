"""Waiting for work that the controller took on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bmctl.errors import BmctlError, UnreachableError
from bmctl.model.controller import TaskReport, TaskState
from bmctl.ports import Ports
from bmctl.steps.patience import Patience


class TaskFailedError(BmctlError):
    """The controller gave its work up: there is nothing left to wait for."""


async def task_end(
    ports: Ports,
    task: str,
    *,
    what: str,
    within: float,
    patience: Patience,
    nudge: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Return when the task is done, or the controller has forgotten it; `what` names the work.

    `nudge` is called once, where the task waits for the machine to restart. Raises `TaskFailedError`
    where the task failed, `BmctlError` where it takes too long, `UnreachableError` where the controller
    stays away.
    """
    if (tasks := ports.driver.tasks) is None:
        raise BmctlError(f"{what}: this controller does not tell how far it is")
    loop = asyncio.get_running_loop()
    start = waiting_since = heard = loop.time()
    while True:
        try:
            report = await tasks.look(task)
            heard = loop.time()
        except UnreachableError:
            if loop.time() - heard > patience.absent:
                raise
            report = TaskReport(state=TaskState.RUNNING)
        if _is_over(ports, report, what):
            return
        if report.state is not TaskState.WAITING:
            waiting_since = loop.time()
        elif nudge is not None and loop.time() - waiting_since >= patience.stuck:
            await nudge()
            nudge = None
        if loop.time() - start > within:
            raise _late(what, report, within)
        ports.progress(what, done=report.percent, total=None if report.percent is None else 100, unit="%")
        await asyncio.sleep(patience.look)


def _is_over(ports: Ports, report: TaskReport, what: str) -> bool:
    if report.state is TaskState.FAILED:
        said = f" ({report.message})" if report.message else ""
        raise TaskFailedError(f"{what}: the controller gave up{said}", hint="see the controller's event log")
    if report.state is TaskState.GONE:
        ports.note(f"{what}: the controller knows the task no more, it is most likely done")
    return report.state in {TaskState.DONE, TaskState.GONE}


def _late(what: str, report: TaskReport, within: float) -> BmctlError:
    percent = f" at {report.percent} %" if report.percent is not None else ""
    said = f", {report.message}" if report.message else ""
    return BmctlError(
        f"{what}: not done after {within:g} s (the task is {report.state}{percent}{said})",
        hint="see the task on the controller's web page; bmctl resume goes on waiting",
    )
