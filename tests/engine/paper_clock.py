"""A clock that jumps to the next thing due, so that tests of waiting wait for nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class PaperLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next thing due, so that waiting takes none."""

    def __init__(self) -> None:
        self._jumped = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: PaperLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := super().select(0):
            return ready
        if timeout is None:
            raise RuntimeError("everything waits for what will never come")
        self._loop.jump(timeout)
        return []


def on_paper(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of the work, with a clock that jumps."""
    with asyncio.Runner(loop_factory=PaperLoop) as runner:
        return runner.run(work)
