"""Writes the folder of a run as a run does: real journal, event log and fetch log, on a clock by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bmctl.model.event import EventKind, RunEvent
from bmctl.reporting.run_story import read_story
from bmctl.reporting.story import RunStory
from bmctl.store.directory import StateDirectory
from bmctl.store.event_log import EVENTS, EventLog
from bmctl.store.fetch_log import FETCHES, FetchLog, FetchNote
from bmctl.store.history import HistoryEntry, remember_run
from bmctl.store.marks import Mark, RunRecord
from bmctl.store.run_folder import RunFolder

BEGAN = 1_773_500_000.0


class WrittenRun:
    """One run being written. Each process of it is between `start` and `end` or `die`."""

    def __init__(self, directory: StateDirectory, node: str, run: str) -> None:
        self.directory = directory
        self.node, self.run = node, run
        self.now = BEGAN
        self.folder = RunFolder(directory.create_run(run))
        remember_run(directory, node, HistoryEntry(run=run, verb="deploy", began=self.now))
        self._new = True

    def start(self, *, planned: bool = True, versions: bool = True) -> None:
        """A process begins its part of the run."""
        clock = lambda: self.now  # noqa: E731 - read anew each time
        header = {"node": self.node, "verb": "deploy", "plan": "0123456789abcdef", "timestamp": int(self.now)}
        folder = self.folder
        self.journal = folder.begin(header, clock=clock) if self._new else folder.reopen(clock=clock)
        self._new = False
        self.record = RunRecord(self.journal)
        self.events = EventLog(self.folder.path / EVENTS, clock=clock)
        self.fetches = FetchLog(self.folder.path / FETCHES)
        if versions:
            self.record.put(
                "versions", {"bmctl": "0.1.0", "ramdisk": {"name": "debian", "digest": "ab" * 32}}
            )
        self.now += 0.01
        if planned:
            self.tell(EventKind.PLANNED)

    def tell(self, kind: EventKind, task: str = "", text: str = "", **more: Any) -> None:
        self.events(RunEvent(node=self.node, kind=kind, task=task, text=text, **more))

    def begin(self, task: str, title: str = "", **about: Any) -> None:
        self.record.mark(task, Mark.STARTED)
        self.tell(EventKind.STARTED, task, title or task, fields=about or None)

    def task(self, task: str, seconds: float, title: str = "", **about: Any) -> None:
        """A task that does its work in this time."""
        self.begin(task, title, **about)
        self.now += seconds
        self.record.mark(task, Mark.DONE, seconds=seconds)
        self.tell(EventKind.DONE, task, title or task, seconds=seconds)

    def fail(self, task: str, error: str, hint: str | None = None, **evidence: str) -> None:
        self.record.mark(task, Mark.FAILED)
        self.tell(EventKind.FAILED, task, error, hint=hint, fields={"evidence": evidence})

    def fetch(self, seconds: float, sent: int, *, who: str = "controller", **more: Any) -> None:
        values: dict[str, Any] = {
            "kind": "boot medium" if who == "controller" else "image",
            "name": f"{self.node}.iso" if who == "controller" else f"{self.node}.raw",
            "client": "192.0.2.5" if who == "controller" else "192.0.2.11",
            "method": "GET",
            "status": 200,
            "outcome": "done",
            "length": sent,
        }
        began = more.pop("began", self.now)
        note = {**values, **more, "who": who, "began": began, "seconds": seconds, "sent": sent}
        self.fetches.note(FetchNote(**note))

    def end(self, outcome: str = "done", error: str | None = None) -> None:
        """The process writes down how the run ended."""
        self.record.end(outcome, error=error)
        self.tell(EventKind.FINISHED, text=outcome)
        self.die()

    def die(self) -> None:
        """Nothing more comes of this process."""
        self.fetches.__exit__(None, None, None)
        self.events.__exit__(None, None, None)
        self.journal.close()

    def story(self, **more: Any) -> RunStory:
        return read_story(self.folder.path, **more)


@pytest.fixture
def directory(tmp_path: Path) -> StateDirectory:
    return StateDirectory.open(tmp_path / "state")


@pytest.fixture
def new_run(directory) -> Callable[..., WrittenRun]:
    """Begins runs, told apart by number."""
    numbers = iter(range(1000))

    def make(node: str = "n1") -> WrittenRun:
        return WrittenRun(directory, node, f"20260314T150926Z-{next(numbers):06x}")

    return make


@pytest.fixture
def run(new_run) -> WrittenRun:
    return new_run()
