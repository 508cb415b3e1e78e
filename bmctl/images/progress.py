"""How far the preparation of an image is, and long work in threads that tells it and can be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

Result = TypeVar("Result")
TELL_EVERY = 0.2


class ImageStage(StrEnum):
    """What is being done to an image."""

    FETCH = "fetching"
    VERIFY = "verifying"
    UNPACK = "unpacking"
    CONVERT = "converting"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProgress:
    """`done` of `total` bytes; `total` None where it is not known beforehand."""

    stage: ImageStage
    done: int
    total: int | None


Tell = Callable[[ImageProgress], None]


class StoppedError(Exception):
    """Work in a thread ended because nobody waits for it any more."""


class Meter:
    """Counts bytes in a thread; raises `StoppedError` there once `stop` was called."""

    def __init__(self, stage: ImageStage, total: int | None = None) -> None:
        self.stage = stage
        self.total = total
        self._done = 0
        self._stopped = False

    def add(self, count: int) -> None:
        if self._stopped:
            raise StoppedError
        self._done += count

    def stop(self) -> None:
        self._stopped = True

    @property
    def progress(self) -> ImageProgress:
        return ImageProgress(stage=self.stage, done=self._done, total=self.total)


async def in_thread(executor: Executor, work: Callable[[Meter], Result], meter: Meter, tell: Tell) -> Result:
    """Run `work(meter)` in a thread and tell how far it is; cancelled, stop the thread and wait for it."""
    future = asyncio.get_running_loop().run_in_executor(executor, work, meter)
    try:
        while not future.done():
            await asyncio.wait({future}, timeout=TELL_EVERY)
            tell(meter.progress)
        return future.result()
    finally:
        meter.stop()
        if not future.done():
            await asyncio.wait({future})
