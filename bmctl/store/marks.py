"""What a run remembers: marks of its tasks and facts its steps learnt, each on disk before the next thing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bmctl.store.journal import Journal


class Mark(StrEnum):
    """How far a task got. UNDONE takes an earlier mark back: its result is gone."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


class RunRecord:
    """Marks and facts of one run, rebuilt from its journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.marks: dict[str, Mark] = {}
        self.seconds: dict[str, float] = {}
        self._facts: dict[str, Any] = {}
        self.outcome: str | None = None
        for fact in journal.facts:
            self._replay(fact.kind, fact.fields)

    def mark(self, task: str, mark: Mark, *, seconds: float | None = None) -> None:
        """Write down how far a task got."""
        fields: dict[str, Any] = {"task": task, "mark": mark.value}
        if seconds is not None:
            fields["seconds"] = round(seconds, 3)
        self._write("mark", fields)

    def get(self, name: str) -> Any:
        """A fact by name, or None."""
        return self._facts.get(name)

    def named(self, prefix: str) -> tuple[Any, ...]:
        """All facts whose name starts with `prefix`."""
        return tuple(value for name, value in self._facts.items() if name.startswith(prefix))

    def put(self, name: str, value: Any) -> None:
        """Write down a fact; `value` is plain JSON, and never a secret."""
        self._write("fact", {"name": name, "value": value})

    def end(self, outcome: str, *, error: str | None = None, hint: str | None = None) -> None:
        """Write down how the run ended: "done", "failed", "held", "aborted" or "interrupted"."""
        self._write("end", {"outcome": outcome, "error": error, "hint": hint})

    def done(self, task: str) -> bool:
        """Whether a task's mark says that it was finished."""
        return self.marks.get(task) is Mark.DONE

    def _write(self, kind: str, fields: dict[str, Any]) -> None:
        self._journal.add(kind, **fields)
        self._replay(kind, fields)

    def _replay(self, kind: str, fact: Mapping[str, Any]) -> None:
        match kind:
            case "mark":
                self.marks[fact["task"]] = Mark(fact["mark"])
                self.outcome = None
                if "seconds" in fact:
                    self.seconds[fact["task"]] = fact["seconds"]
            case "fact":
                self._facts[fact["name"]] = fact["value"]
            case "end":
                self.outcome = fact["outcome"]
