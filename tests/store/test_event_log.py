"""What is kept of what a run told."""

from __future__ import annotations

import json
import stat

import pytest

from bmctl.model.event import EventKind, RunEvent
from bmctl.store.event_log import EventLog


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_are_kept_with_their_time(path, clock):
    with EventLog(path, clock=clock) as log:
        log(RunEvent(node="n1", kind=EventKind.NOTE, text="hello"))
    assert lines(path) == [{"at": clock.now, "node": "n1", "kind": "note", "text": "hello"}]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_resumed_run_adds_to_what_is_there(path, clock):
    for text in ("first", "second"):
        with EventLog(path, clock=clock) as log:
            log(RunEvent(node="n1", kind=EventKind.NOTE, text=text))
    assert [line["text"] for line in lines(path)] == ["first", "second"]


def test_progress_is_thinned_for_each_task(path, clock):
    with EventLog(path, clock=clock) as log:
        for number in range(100):
            for task in ("a", "b"):
                log(RunEvent(node="n1", kind=EventKind.PROGRESS, task=task, done=number))
            clock.now += 0.1
    assert len(lines(path)) == 4


def test_no_secret_is_written(path, clock):
    key = "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"
    with EventLog(path, clock=clock, secrets=("a-secret-path", key)) as log:
        log(
            RunEvent(
                node="n1", kind=EventKind.NOTE, text="at http://h/a-secret-path/n1.iso", fields={"key": key}
            )
        )
    text = path.read_text()
    assert "a-secret-path" not in text
    assert "abc" not in text


def test_what_comes_after_the_end_is_dropped(path, clock):
    with EventLog(path, clock=clock) as log:
        pass
    log(RunEvent(node="n1", kind=EventKind.NOTE, text="late"))
    assert lines(path) == []
