"""The signs a run left: facts of its journal and events of its log, as one row in the order they happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmctl.model.event import EventKind
from bmctl.store.event_log import EVENTS
from bmctl.store.journal import Story

# The first facts that each process of a run writes.
_OPENING_FACTS = frozenset({"versions"})


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
    return tuple(sorted((*facts, *_events(folder / EVENTS)), key=lambda sign: sign.at))


def by_process(signs: tuple[Sign, ...]) -> tuple[tuple[Sign, ...], ...]:
    """The signs of each process that worked on the run, the first one's first."""
    parts: list[list[Sign]] = []
    opened = ended = False
    for sign in signs:
        opening = _opens(sign)
        if not parts or (ended and not _closes(sign)) or (opening and opened and not _is_same(parts[-1])):
            parts.append([])
            opened = ended = False
        parts[-1].append(sign)
        opened = opened or opening
        ended = ended or _closes(sign)
    return tuple(tuple(part) for part in parts)


def _opens(sign: Sign) -> bool:
    """Whether this is among the first things a process tells."""
    if sign.is_event:
        return sign.kind == EventKind.PLANNED
    return sign.kind == "fact" and sign.fields.get("name") in _OPENING_FACTS


def _is_same(part: list[Sign]) -> bool:
    """Whether a process has only opened so far: it tells both that it has begun and what it plans."""
    return not any(sign.is_event or sign.kind == "mark" for sign in part)


def _closes(sign: Sign) -> bool:
    return sign.kind in {"end", EventKind.FINISHED}


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
