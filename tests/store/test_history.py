"""The runs of each node are kept for good."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.store.directory import StateDirectory
from bmctl.store.history import HistoryEntry, remember_run, remembered_runs


@pytest.fixture
def directory(tmp_path):
    return StateDirectory.open(tmp_path / "state")


def entry(number: int) -> HistoryEntry:
    return HistoryEntry(run=f"20260314T150926Z-{number:06x}", verb="deploy", began=1_773_500_000.5 + number)


def test_runs_come_back_in_the_order_they_began(directory):
    entries = tuple(entry(number) for number in range(30))
    for one in entries:
        remember_run(directory, "n1", one)
    assert remembered_runs(directory, "n1") == entries


def test_each_node_has_its_own(directory):
    remember_run(directory, "n1", entry(1))
    remember_run(directory, ".n/1", entry(2))
    assert remembered_runs(directory, ".n/1") == (entry(2),)
    assert remembered_runs(directory, "n2") == ()


def test_only_its_owner_reads_it(directory):
    remember_run(directory, "n1", entry(1))
    path = directory.history_path("n1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_is_no_record_of_a_node(directory):
    remember_run(directory, "n1", entry(1))
    assert directory.keys("nodes/") == ()


def test_writers_at_once_lose_nothing(directory):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: remember_run(directory, "n1", entry(number)), range(20)))
    assert {one.run for one in remembered_runs(directory, "n1")} == {entry(n).run for n in range(20)}


@given(cut=st.integers(min_value=1, max_value=80), junk=st.binary(max_size=20))
def test_a_torn_last_line_never_happened(tmp_path_factory, cut, junk):
    directory = StateDirectory.open(tmp_path_factory.mktemp("site") / "state")
    remember_run(directory, "n1", entry(1))
    remember_run(directory, "n1", entry(2))
    path = directory.history_path("n1")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][: -min(cut, len(lines[1]))] + junk.replace(b"\n", b""))
    assert remembered_runs(directory, "n1") == (entry(1),)
    remember_run(directory, "n1", entry(3))
    assert remembered_runs(directory, "n1") == (entry(1), entry(3))
