"""Cutting off a run of bmctl at any point that it passes, and the journal that is left of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bmctl.errors import UnreachableError
from bmctl.store.journal import Fact


class Killed(BaseException):
    """The process is gone from here on."""


class Cut(StrEnum):
    """How a run is cut: the process killed, Ctrl-C pressed, or a call failing."""

    KILL = "kill"
    CANCEL = "cancel"
    FAIL = "fail"


@dataclass
class Cutter:
    """Counts the points a process passes, and cuts it at some. `main` is who Ctrl-C reaches."""

    cuts: dict[int, Cut] = field(default_factory=dict)
    passed: int = 0
    dead: bool = False
    main: asyncio.Task[Any] | None = None
    used: list[Cut] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def point(self, name: str) -> None:
        if self.dead:
            raise Killed
        self.passed += 1
        self.names.append(name)
        cut = self.cuts.pop(self.passed, None)
        if cut is not None:
            self.used.append(cut)
        if cut is Cut.KILL:
            self.dead = True
            raise Killed
        if cut is Cut.CANCEL and self.main is not None:
            self.main.cancel()
        if cut is Cut.FAIL:
            raise UnreachableError(f"{name} was told to fail", hint="do not tell it to")


class PaperJournal:
    """A journal that outlives the processes that write it."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        facts = {"instance_id": "instance-1", "timestamp": 1_700_000_000}
        self.facts = [
            Fact(at=0.0, kind="fact", fields={"name": name, "value": value}) for name, value in facts.items()
        ]
        self.header: dict[str, Any] = {}

    def add(self, kind: str, /, **fields: Any) -> Fact:
        self._cutter.point(f"journal before {kind}")
        fact = Fact(at=0.0, kind=kind, fields=fields)
        self.facts.append(fact)
        self._cutter.point(f"journal after {kind}")
        return fact

    def marked(self, task: str, mark: str) -> int | None:
        """Where a mark was first written."""
        return next(
            (
                index
                for index, fact in enumerate(self.facts)
                if fact.kind == "mark" and fact.fields["task"] == task and fact.fields["mark"] == mark
            ),
            None,
        )
