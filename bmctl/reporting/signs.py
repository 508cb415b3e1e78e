"""The signs a run left: facts of its journal and events of its log, as one row in the order they happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bmctl.model.event import EventKind
from bmctl.store.event_log import EVENTS
from bmctl.store.journal import Story

# The first fact that each process of a run writes.
_OPENING = "versions"
_ROUNDED_BY = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A fact of the journal or an event: `kind` is "mark", "fact" or "end", or that of the event."""

    at: float
    kind: str
    fields: Mapping[str, Any]
    is_event: bool


def all_signs(journal: Story, folder: Path) -> tuple[Sign, ...]:
    """Every sign of the run; where two have one time, the journal's comes first."""
    facts = [Sign(at=fact.at, kind=fact.kind, fields=fact.fields, is_event=False) for fact in journal.facts]
    return tuple(sorted((*facts, *_events(folder / EVENTS)), key=_order))


def _order(sign: Sign) -> float:
    """A process plans before it works, also where an event's milliseconds were rounded up."""
    return sign.at - _ROUNDED_BY if _is_plan(sign) else sign.at


def by_process(signs: tuple[Sign, ...]) -> tuple[tuple[Sign, ...], ...]:
    """The signs of each process that worked on the run, the first one's first.

    A process writes down what it makes the run with, tells what it plans, works, and writes down the end.
    """
    parts: list[_Process] = []
    for sign in signs:
        if not parts or parts[-1].cannot_have_given(sign):
            parts.append(_Process())
        parts[-1].take(sign)
    return tuple(tuple(part.signs) for part in parts)


@dataclass(slots=True)
class _Process:
    """What one process gave signs of so far."""

    signs: list[Sign] = field(default_factory=list)
    works: bool = False
    has_planned: bool = False
    has_ended: bool = False

    def cannot_have_given(self, sign: Sign) -> bool:
        """Whether this sign is of a later process."""
        if _is_opening(sign):
            return self.works
        return (_is_plan(sign) and self.has_planned) or (self.has_ended and not sign.is_event)

    def take(self, sign: Sign) -> None:
        self.signs.append(sign)
        self.works = self.works or sign.is_event or sign.kind == "mark"
        self.has_planned = self.has_planned or _is_plan(sign)
        self.has_ended = self.has_ended or (sign.kind == "end" and not sign.is_event)


def _is_opening(sign: Sign) -> bool:
    return sign.kind == "fact" and sign.fields.get("name") == _OPENING


def _is_plan(sign: Sign) -> bool:
    return sign.is_event and sign.kind == EventKind.PLANNED


def _events(path: Path) -> Iterator[Sign]:
    """The events that were written whole."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
            yield Sign(at=float(event["at"]), kind=event["kind"], fields=event, is_event=True)
        except (ValueError, KeyError, TypeError):
            continue
