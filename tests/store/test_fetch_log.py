"""What was fetched in a run is kept, in few lines, whatever the clients do."""

from __future__ import annotations

import stat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.store.fetch_log import SMALL, FetchLog, FetchNote, read_fetches


def note(**more: Any) -> FetchNote:
    values: dict[str, Any] = {
        "who": "controller",
        "kind": "boot medium",
        "name": "n1.iso",
        "client": "192.0.2.5",
        "method": "GET",
        "status": 206,
        "outcome": "done",
        "began": 1000.0,
        "seconds": 0.5,
        "number": 1,
    }
    return FetchNote(**{**values, **more})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fetches.jsonl"


def test_a_run_that_served_nothing_has_no_file(path):
    with FetchLog(path):
        pass
    assert not path.exists()
    assert read_fetches(path) == ()


def test_a_large_fetch_is_a_line_of_its_own(path):
    whole = note(sent=3 * SMALL, length=3 * SMALL, parts={"kernel": SMALL, "ramdisk": 2 * SMALL})
    with FetchLog(path) as log:
        log.note(whole)
        assert read_fetches(path) == (whole,), "on disk before the run ends"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_small_fetches_in_a_row_are_told_together(path):
    with FetchLog(path) as log:
        for number in range(100):
            log.note(note(number=number, began=1000 + number / 100, seconds=0.01, sent=512, parts={"a": 512}))
    (one,) = read_fetches(path)
    assert (one.requests, one.sent, dict(one.parts)) == (100, 51200, {"a": 51200})
    assert (one.began, one.ended) == (1000, pytest.approx(1001))


def test_those_of_other_files_clients_and_answers_are_kept_apart(path):
    apart = [{}, {"name": "n2.iso"}, {"client": "192.0.2.6"}, {"status": 404}, {"method": "HEAD"}]
    with FetchLog(path) as log:
        for number, more in enumerate(apart):
            log.note(note(number=number, sent=1, **more))
    assert len(read_fetches(path)) == len(apart)


def test_a_fetch_under_way_leaves_a_trace_if_nobody_lives_to_see_its_end(path):
    log = FetchLog(path)
    for second in range(12):
        log.note(note(outcome="running", began=1000.0, seconds=float(second), sent=second * SMALL))
    (last,) = read_fetches(path)
    assert (last.outcome, last.began) == ("running", 1000.0)
    assert last.sent >= 6 * SMALL
    log.note(note(seconds=12.0, sent=12 * SMALL))
    log.__exit__(None, None, None)
    assert [(one.outcome, one.sent) for one in read_fetches(path)] == [("done", 12 * SMALL)]
    assert len(path.read_text().splitlines()) == 4


def test_processes_of_one_run_append(path):
    for process in range(2):
        with FetchLog(path) as log:
            log.note(note(began=1000.0 + 100 * process, sent=SMALL))
    assert [one.began for one in read_fetches(path)] == [1000.0, 1100.0]


def test_a_torn_line_never_happened(path):
    with FetchLog(path) as log:
        log.note(note(sent=SMALL))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert len(read_fetches(path)) == 1


def test_a_disk_that_takes_nothing_stops_nothing(tmp_path):
    with FetchLog(tmp_path / "not there" / "fetches.jsonl") as log:
        log.note(note(sent=SMALL))


@given(
    sizes=st.lists(st.integers(min_value=0, max_value=2 * SMALL), max_size=30),
    pauses=st.lists(st.floats(min_value=0, max_value=8), min_size=30, max_size=30),
)
def test_no_byte_is_lost_or_told_twice(tmp_path_factory, sizes, pauses):
    path = tmp_path_factory.mktemp("run") / "fetches.jsonl"
    now = 1000.0
    with FetchLog(path) as log:
        for number, (sent, pause) in enumerate(zip(sizes, pauses, strict=False)):
            now += pause
            log.note(note(number=number, began=now, seconds=0.1, sent=sent))
    found = read_fetches(path)
    assert sum(one.sent for one in found) == sum(sizes)
    assert sum(one.requests for one in found) == len(sizes)
