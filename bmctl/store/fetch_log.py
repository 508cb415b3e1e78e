"""What was fetched in a run, kept in its folder: by whom, of which file, how many bytes of what, how fast."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bmctl.store.durable import PRIVATE_FILE

FETCHES = "fetches.jsonl"
RUNNING = "running"
# Firmware reads a medium in thousands of small ranges: those of a few seconds make one line.
TOGETHER = 5.0
SMALL = 2**20
# What takes longer is noted while it goes, so that a process killed in its middle leaves a trace.
NOTED_AFTER = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchNote:
    """One fetch, or several small ones of one file by one client in a row (`requests`).

    `who` is what bmctl offered the file to ("controller", "machine"), `client` the address that came
    for it. `began` is in seconds since the epoch. The lowest byte asked for is at `offset`; of the
    `length` asked for, `sent` were sent, and `parts` tells what they were. `number` tells the fetches of
    one process apart.
    """

    who: str
    kind: str
    name: str
    client: str
    method: str
    status: int
    outcome: str
    began: float
    seconds: float
    offset: int = 0
    length: int = 0
    sent: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)
    requests: int = 1
    number: int = 0

    @property
    def rate(self) -> float | None:
        """Bytes per second; None where nothing was sent, or too quickly to say."""
        return self.sent / self.seconds if self.sent and self.seconds > 0 else None

    @property
    def told_parts(self) -> tuple[tuple[str, int], ...]:
        """The parts with their bytes, where a file has more than one."""
        return tuple(self.parts.items()) if len(self.parts) > 1 else ()

    @property
    def ended(self) -> float:
        """When the last byte was sent, in seconds since the epoch."""
        return self.began + self.seconds


class FetchLog:
    """Appends notes to a file, mode 0600, which appears with the first of them.

    A disk that takes no more lines here does not stop the run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._closed = False
        self._began: dict[int, float] = {}
        self._written: dict[int, float] = {}
        self._small: dict[tuple[str, ...], FetchNote] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what was still being gathered; later notes are not kept."""
        for note in self._small.values():
            self._write(note)
        self._small.clear()
        self._closed = True
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def note(self, note: FetchNote) -> None:
        """Take note of a fetch, under way or ended."""
        if self._closed:
            return
        # Told again and again, it began when it was told first.
        note = replace(note, began=self._began.setdefault(note.number, note.began))
        if note.outcome == RUNNING:
            self._note_running(note)
            return
        self._began.pop(note.number, None)
        was_written = self._written.pop(note.number, None) is not None
        if was_written or note.sent >= SMALL:
            self._write(note)
        else:
            self._gather(note)

    def _note_running(self, note: FetchNote) -> None:
        last = self._written.get(note.number)
        if note.seconds - last >= TOGETHER if last is not None else note.seconds >= NOTED_AFTER:
            self._written[note.number] = note.seconds
            self._write(note)

    def _gather(self, note: FetchNote) -> None:
        key = (note.name, note.client, note.method, str(note.status), note.outcome)
        before = self._small.get(key)
        if before is not None and note.ended - before.began > TOGETHER:
            self._write(before)
            before = None
        self._small[key] = note if before is None else _together(before, note)

    def _write(self, note: FetchNote) -> None:
        try:
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, PRIVATE_FILE)
            os.write(self._descriptor, json.dumps(_plain(note)).encode() + b"\n")
        except OSError:
            return


def read_fetches(path: Path) -> tuple[FetchNote, ...]:
    """The fetches of a run as they ended, or as they were last seen, by the time they began."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return ()
    found: dict[tuple[int, float], FetchNote] = {}
    for line in lines:
        if (note := _parse(line)) is not None:
            found[note.number, note.began] = note
    return tuple(sorted(found.values(), key=lambda note: note.began))


def _together(first: FetchNote, second: FetchNote) -> FetchNote:
    """Two small fetches as one."""
    ended = max(first.ended, second.ended)
    began = min(first.began, second.began)
    labels = dict.fromkeys((*first.parts, *second.parts))
    return replace(
        first,
        began=began,
        seconds=ended - began,
        offset=min(first.offset, second.offset),
        length=first.length + second.length,
        sent=first.sent + second.sent,
        parts={label: first.parts.get(label, 0) + second.parts.get(label, 0) for label in labels},
        requests=first.requests + second.requests,
    )


def _plain(note: FetchNote) -> dict[str, Any]:
    return {**asdict(note), "began": round(note.began, 3), "seconds": round(note.seconds, 3)}


def _parse(line: bytes) -> FetchNote | None:
    """The note of a line; None for one that was torn or that another bmctl wrote."""
    try:
        return FetchNote(**json.loads(line))
    except (ValueError, TypeError):
        return None
