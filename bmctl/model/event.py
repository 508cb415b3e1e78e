"""What a run tells while it goes: data for the screen, the JSON stream, log files and callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened to a task or a run."""

    PLANNED = "planned"
    STARTED = "started"
    PROGRESS = "progress"
    SKIPPED = "skipped"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"
    WARNING = "warning"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """One thing that happened to one node's run.

    `done` and `total` count bytes where `unit` is "B", else whatever `unit` says; `rate` is per
    second. `seconds` is how long a finished task or run took. `fields` holds what only some events
    have and is plain JSON.
    """

    node: str
    kind: EventKind
    task: str = ""
    text: str = ""
    done: float | None = None
    total: float | None = None
    unit: str = ""
    rate: float | None = None
    seconds: float | None = None
    hint: str | None = None
    fields: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The event as JSON, with what is absent left out."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


Tell = Callable[[RunEvent], None]
