"""How an operator steers a run that is under way: hold it before a task, or abort it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from bmctl.engine.plan import Task
from bmctl.errors import BmctlError, HeldError

# How often a run looks whether it was told to stop, in seconds.
LOOK_EVERY = 1.0


class AbortedError(BmctlError):
    """An operator ended the run before its time."""


class ReachedHoldError(HeldError):
    """The run came to a hold that was asked for; it goes on when it is told to."""


class Helm(Protocol):
    """What an operator has asked of a run meanwhile."""

    def holds_before(self, task: Task) -> bool:
        """Whether to stop before this task until told to go on."""

    def abort_asked(self) -> str | None:
        """Who asked to abort the run, None if nobody did."""


class NoHelm:
    """Nobody steers."""

    def holds_before(self, _task: Task) -> bool:
        """Never."""
        return False

    def abort_asked(self) -> str | None:
        """Nobody."""
        return None


def heed(helm: Helm, task: Task, node: str) -> None:
    """Raise what an operator asked for before this task is begun."""
    if (who := helm.abort_asked()) is not None:
        raise AbortedError(f"aborted before {task.key} by {who}")
    if helm.holds_before(task):
        raise ReachedHoldError(
            f"held before {task.key}, as was asked for",
            hint=f"go on with: bmctl unhold {node}, or end it with: bmctl abort {node}",
        )


async def steered(helm: Helm, task: Task, work: Awaitable[None], *, late: list[str]) -> None:
    """Await the work; where an abort is asked for meanwhile, cut an abortable task off.

    One that is not abortable ends first, and who asked is left in `late`.
    """
    doing = asyncio.ensure_future(work)
    looking = asyncio.ensure_future(_look(helm))
    try:
        await asyncio.wait({doing, looking}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            who = looking.result()
            if task.abortable:
                doing.cancel()
                await asyncio.gather(doing, return_exceptions=True)
                raise AbortedError(f"aborted during {task.key} by {who}")
            late.append(who)
        await doing
    finally:
        doing.cancel()
        looking.cancel()
        await asyncio.gather(doing, looking, return_exceptions=True)


async def _look(helm: Helm) -> str:
    while (who := helm.abort_asked()) is None:  # noqa: ASYNC110 - another process asks, through a file
        await asyncio.sleep(LOOK_EVERY)
    return who
