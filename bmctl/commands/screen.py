"""Listeners that show a run: live on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from bmctl.commands.settings import Settings
from bmctl.model.amounts import amount, duration, rate_of
from bmctl.model.event import EventKind, RunEvent, Tell

# Plain progress is for log files: a line now and then is enough.
PLAIN_INTERVAL = 10.0


class JsonScreen:
    """One JSON object per event on stdout, each with its time in seconds since the epoch."""

    def __init__(self, out: TextIO, clock: Callable[[], float]) -> None:
        self._out = out
        self._clock = clock

    def __call__(self, event: RunEvent) -> None:
        line = {"at": round(self._clock(), 3), **event.to_json()}
        self._out.write(json.dumps(line, default=str) + "\n")
        self._out.flush()


class PlainScreen:
    """One line per thing that happened, with the seconds since the start in front."""

    def __init__(self, out: TextIO, clock: Callable[[], float], *, verbosity: int = 0) -> None:
        self._out = out
        self._clock = clock
        self._verbosity = verbosity
        self._began = clock()
        self._last: dict[str, float] = {}

    def __call__(self, event: RunEvent) -> None:
        text = self._text(event)
        if text is not None:
            self._out.write(f"{self._clock() - self._began:7.1f}s  {event.node}  {text}\n")
            self._out.flush()

    def _text(self, event: RunEvent) -> str | None:  # noqa: PLR0911 - one return for each kind of event
        match event.kind:
            case EventKind.STARTED:
                return f"{event.text} ..."
            case EventKind.DONE:
                return f"{event.text}: done in {duration(event.seconds or 0)}"
            case EventKind.SKIPPED:
                return f"{event.text}: done before"
            case EventKind.FAILED:
                return f"FAILED {event.text}"
            case EventKind.WARNING:
                return f"warning: {event.text}"
            case EventKind.NOTE:
                return event.text
            case EventKind.PROGRESS:
                return self._progress(event)
            case EventKind.FINISHED:
                return f"{event.text} after {duration(event.seconds or 0)}"
        return None

    def _progress(self, event: RunEvent) -> str | None:
        now = self._clock()
        due = now - self._last.get(event.node, float("-inf")) >= PLAIN_INTERVAL
        if not due and self._verbosity == 0:
            return None
        self._last[event.node] = now
        return f"{event.text} {amount(event.done, event.total, event.unit)}{rate_of(event.rate)}".rstrip()


@contextmanager
def show(settings: Settings, nodes: tuple[str, ...]) -> Iterator[Tell]:
    """A listener for a run of these nodes, of the kind that fits where the output goes."""
    if settings.json:
        yield JsonScreen(sys.stdout, time.time)
    elif _is_terminal(settings):
        from bmctl.commands.live import LiveScreen

        with LiveScreen(nodes, clock=time.monotonic) as live:
            yield live
    else:
        yield PlainScreen(sys.stderr, time.monotonic, verbosity=settings.verbosity)


def _is_terminal(settings: Settings) -> bool:
    return sys.stderr.isatty() and settings.environment.get("TERM") != "dumb" and settings.verbosity == 0
