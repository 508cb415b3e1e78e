"""A machine on paper whose callers can be cut off; its disk loses what is not flushed when the power goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from paper_cuts import Cutter

from bmctl.drivers.fake import FakeMachine


class PaperMachine(FakeMachine):
    """The fake driver's machine, with the points at which its callers can be cut."""

    def __init__(
        self, cutter: Cutter, *, stopped: Callable[[], None], ticked: Callable[[], None], **more: Any
    ) -> None:
        super().__init__(**more)
        self._cutter = cutter
        self._stopped = stopped
        self._ticked = ticked

    @asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[None]:
        self._cutter.point(f"before {name}")
        async with super().call(name):
            yield
            self._ticked()
        self._cutter.point(f"after {name}")

    def switch_off(self) -> None:
        super().switch_off()
        self._stopped()


@dataclass
class PaperDisk:
    """What is on the disk. Until it is flushed, what was written is lost with the power."""

    image: str | None = None
    config_drive: str | None = None
    boot_entry: bool = False
    flushed: bool = True

    def lose_power(self) -> None:
        if not self.flushed:
            self.image, self.config_drive, self.flushed = None, None, True
