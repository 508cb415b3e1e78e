"""Threads for libraries that block: one call at a time per controller, a bounded number in all.

The threads are daemons of bmctl's own, so that a controller which never answers cannot hold up
the end of the program, and asyncio's default pool stays free for short work.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

Result = TypeVar("Result")

# As many controllers as are spoken to at the same moment; the others wait for their turn.
MAX_THREADS = 64


class _Gates:
    """What calls of one event loop pass through: a lock per controller, a number of threads."""

    def __init__(self) -> None:
        self.threads = asyncio.Semaphore(MAX_THREADS)
        self._controllers: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def controller(self, key: str) -> asyncio.Lock:
        """The lock of one controller, the same for all who know its key."""
        lock = self._controllers.get(key)
        if lock is None:
            lock = self._controllers[key] = asyncio.Lock()
        return lock


_GATES: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gates] = WeakKeyDictionary()


async def call_in_thread(controller: str, call: Callable[[], Result], *, deadline: float) -> Result:
    """Run a blocking call in a thread and await its result; calls to one controller take turns.

    Raises `TimeoutError` when the call has not come back `deadline` seconds after its turn came.
    A thread cannot be ended: the controller's turn goes to the next only when the call is back.
    """
    gates = _GATES.setdefault(asyncio.get_running_loop(), _Gates())
    lock = gates.controller(controller)
    await lock.acquire()
    try:
        await gates.threads.acquire()
    except BaseException:
        lock.release()
        raise

    def end_turn() -> None:
        gates.threads.release()
        lock.release()

    answer = _start(call, end_turn)
    async with asyncio.timeout(deadline):
        return await answer


def _start(call: Callable[[], Result], end_turn: Callable[[], None]) -> asyncio.Future[Result]:
    """Start the thread; its result or error comes with the future, the turn ends with the thread."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def settle(settle_answer: Callable[[], None]) -> None:
        end_turn()
        if not answer.done():
            settle_answer()

    def work() -> None:
        settle_answer: Callable[[], None]
        try:
            settle_answer = partial(answer.set_result, call())
        except BaseException as error:  # noqa: BLE001  it is raised where the call is awaited
            settle_answer = partial(answer.set_exception, error)
        with suppress(RuntimeError):  # the loop may be closed by now: nobody waits any more
            loop.call_soon_threadsafe(settle, settle_answer)

    threading.Thread(target=work, name="bmctl-controller", daemon=True).start()
    return answer
