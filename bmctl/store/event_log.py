"""The events of a run, kept in its folder for whoever wants to know afterwards how it went."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from bmctl.model.event import EventKind, RunEvent
from bmctl.store.durable import PRIVATE_FILE

EVENTS = "events.jsonl"
# A line of progress per task and so many seconds tells the pace and does not fill the disk.
PROGRESS_EVERY = 5.0
REMOVED = "******"


class EventLog:
    """Appends one JSON object per event to a file, mode 0600, each with its time in seconds since the epoch.

    Progress is thinned. None of `secrets` is written, wherever it stands in an event. What happened is
    in the journal: a disk that takes no more lines here does not stop the run.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float], secrets: tuple[str, ...] = ()) -> None:
        self._clock = clock
        self._secrets = tuple(_in_json(secret) for secret in secrets if secret)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE)
        self._told: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        self._descriptor = -1

    def __call__(self, event: RunEvent) -> None:
        """Write the event down, if it is due."""
        now = self._clock()
        if self._descriptor < 0 or not self._is_due(event, now):
            return
        text = json.dumps({"at": round(now, 3), **event.to_json()}, default=str)
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        try:
            os.write(self._descriptor, text.encode() + b"\n")
        except OSError:
            return

    def _is_due(self, event: RunEvent, now: float) -> bool:
        if event.kind is not EventKind.PROGRESS:
            return True
        if now - self._told.get(event.task, float("-inf")) < PROGRESS_EVERY:
            return False
        self._told[event.task] = now
        return True


def _in_json(secret: str) -> str:
    """The secret as it stands inside a JSON text."""
    return json.dumps(secret)[1:-1]
