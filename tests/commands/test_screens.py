"""What a run looks like: on a terminal, in a log file, for a program."""

from __future__ import annotations

import io
import json

import pytest

from bmctl.commands.live import LiveScreen
from bmctl.commands.screen import JsonScreen, PlainScreen
from bmctl.model.amounts import amount, clock_time, duration, size
from bmctl.model.event import EventKind, RunEvent


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def event(kind: EventKind, task: str = "", text: str = "", **more) -> RunEvent:
    return RunEvent(node="n1", kind=kind, task=task, text=text, **more)


def test_plain_lines_tell_each_step_once_and_progress_now_and_then():
    out, clock = io.StringIO(), Clock()
    screen = PlainScreen(out, clock)
    screen(event(EventKind.STARTED, "a.b", "write the image"))
    for second in range(30):
        clock.now = 1000.0 + second
        screen(event(EventKind.PROGRESS, "a.b", "writing", done=second * 1e6, total=30e6, unit="B"))
    screen(event(EventKind.DONE, "a.b", "write the image", seconds=30.0))
    lines = out.getvalue().splitlines()
    assert "write the image ..." in lines[0]
    assert "write the image: done in 30 s" in lines[-1]
    assert sum("writing" in line for line in lines) == 3
    assert "10.0 MB of 30.0 MB (33 %)" in out.getvalue()


def test_json_lines_hold_the_event_and_its_time():
    out = io.StringIO()
    JsonScreen(out, lambda: 5.0)(event(EventKind.FAILED, "a.b", "broken", hint="mend it"))
    assert json.loads(out.getvalue()) == {
        "at": 5.0,
        "node": "n1",
        "kind": "failed",
        "task": "a.b",
        "text": "broken",
        "hint": "mend it",
    }


@pytest.fixture
def live(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "110")
    clock = Clock()
    return LiveScreen(("n1",), clock=clock), clock


def shown(screen: LiveScreen) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=110, force_terminal=False)
    console.print(screen._render())
    return console.file.getvalue()


def test_live_screen_shows_stage_amount_rate_and_time_left(live):
    screen, clock = live
    screen(event(EventKind.PLANNED, fields={"typical": {"w.rite": 20.0, "b.oot": 40.0}}))
    screen(event(EventKind.STARTED, "w.rite", "write the image"))
    for second in range(1, 6):
        clock.now += 1
        screen(event(EventKind.PROGRESS, "w.rite", "writing", done=second * 10e6, total=100e6, unit="B"))
    text = shown(screen)
    assert "write the image: 50.0 MB of 100 MB (50 %), 10.0 MB/s" in text
    assert "0:45 left" in text


def test_live_screen_owns_up_when_a_step_takes_longer_than_usual(live):
    screen, clock = live
    screen(event(EventKind.PLANNED, fields={"typical": {"b.oot": 10.0}}))
    screen(event(EventKind.STARTED, "b.oot", "boot"))
    clock.now += 60
    assert "1:00 so far" in shown(screen)


def test_live_screen_keeps_how_a_node_ended(live):
    screen, _ = live
    screen(event(EventKind.FINISHED, text="failed", seconds=3.0))
    assert "failed" in shown(screen)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (79e6, "79.0 MB"), (4.2e11, "420 GB")]
)
def test_sizes(count, text):
    assert size(count) == text


def test_amounts_and_times():
    assert amount(5, None, "B") == "5 B"
    assert duration(0.44) == "0.4 s"
    assert duration(200) == "3 min 20 s"
    assert duration(7500) == "2 h 5 min"
    assert clock_time(3723) == "1:02:03"
