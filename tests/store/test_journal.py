"""The journal: on disk at once, whole after any cut, one writer and any number of readers."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmctl.errors import BmctlError, BusyError
from bmctl.store.journal import Journal, read_journal

any_value = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
field_names = st.text("abcdefgh_", min_size=1, max_size=6).filter(lambda name: name not in {"at", "kind"})
fact_lists = st.lists(
    st.tuples(st.text(max_size=6), st.dictionaries(field_names, any_value, max_size=3)), max_size=5
)
same_path = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def ticks():
    return itertools.count(1_700_000_000).__next__


def write(path, header, facts, clock):
    path.unlink(missing_ok=True)
    with Journal.create(path, header, clock=clock) as journal:
        for kind, fields in facts:
            journal.add(kind, **fields)
    return journal


@same_path
@given(header=st.dictionaries(field_names, any_value, max_size=3), facts=fact_lists)
def test_what_is_added_reads_back_equal(tmp_path, ticks, header, facts):
    written = write(tmp_path / "journal", header, facts, ticks)
    story = read_journal(tmp_path / "journal")
    assert story.header == header
    assert story.facts == written.facts
    assert [(fact.kind, fact.fields) for fact in story.facts] == facts
    assert [fact.at for fact in story.facts] == sorted(fact.at for fact in story.facts)


@same_path
@given(facts=fact_lists, data=st.data())
def test_cut_at_any_byte_and_opened_again_only_the_torn_fact_is_gone(tmp_path, ticks, facts, data):
    path = tmp_path / "journal"
    whole = write(path, {"plan": "é"}, facts, ticks)
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    lines = content[:cut].count(b"\n")
    if not lines:
        with pytest.raises(BmctlError, match="has no header"):
            Journal.open(path, clock=ticks)
        return
    with Journal.open(path, clock=ticks) as journal:
        assert journal.header == {"plan": "é"}
        assert journal.facts == whole.facts[: lines - 1]
        added = journal.add("resumed")
    assert read_journal(path).facts == (*whole.facts[: lines - 1], added)


@same_path
@given(junk=st.binary(min_size=1, max_size=20).filter(lambda junk: b"\n" not in junk))
def test_a_last_line_of_junk_never_happened(tmp_path, ticks, junk):
    path = tmp_path / "journal"
    whole = write(path, {}, [("step", {})], ticks)
    with path.open("ab") as file:
        file.write(junk + b"\n")
    if not junk.strip().startswith(b"{"):
        assert read_journal(path).facts == whole.facts


def test_damage_in_the_middle_is_said_with_its_line(tmp_path, ticks):
    path = tmp_path / "journal"
    write(path, {}, [("one", {}), ("two", {})], ticks)
    path.write_bytes(path.read_bytes().replace(b'"one"', b'"one'))
    with pytest.raises(BmctlError, match="is damaged in line 2"):
        read_journal(path)


def test_a_fact_is_on_disk_when_add_returns_and_readers_need_not_wait(tmp_path, ticks):
    path = tmp_path / "journal"
    with Journal.create(path, {"run": "r1"}, clock=ticks) as journal:
        fact = journal.add("started", step="deploy.write_image")
        assert read_journal(path).facts == (fact,)
        with path.open("ab") as file:
            file.write(b'{"half')
        assert read_journal(path).facts == (fact,)


def test_one_writer_at_a_time(tmp_path, ticks):
    path = tmp_path / "journal"
    with (
        Journal.create(path, {}, clock=ticks),
        pytest.raises(BusyError, match="is being written by another process"),
    ):
        Journal.open(path, clock=ticks)
    Journal.open(path, clock=ticks).close()


def test_a_journal_is_private_and_made_once(tmp_path, ticks):
    path = tmp_path / "journal"
    journal = Journal.create(path, {}, clock=ticks)
    journal.close()
    journal.close()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BmctlError, match=r"cannot open .*: File exists"):
        Journal.create(path, {}, clock=ticks)


def test_no_journal_and_another_file_are_told_apart(tmp_path, ticks):
    with pytest.raises(BmctlError, match="there is no journal at"):
        read_journal(tmp_path / "none")
    with pytest.raises(BmctlError, match="there is no journal at"):
        Journal.open(tmp_path / "none", clock=ticks)
    (tmp_path / "other").write_text('{"some": "json"}\n')
    with pytest.raises(BmctlError, match="is not a journal"):
        read_journal(tmp_path / "other")


def test_reserved_names_are_a_mistake_of_the_caller(tmp_path, ticks):
    with Journal.create(tmp_path / "journal", {}, clock=ticks) as journal:
        with pytest.raises(ValueError, match="cannot be called at, kind"):
            journal.add("step", at=1, kind="x")
        assert journal.facts == ()


def test_a_full_disk_is_said_and_the_journal_stays_whole(tmp_path, ticks):
    path = tmp_path / "journal"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Journal.create(path, {}, clock=ticks) as journal:
        fact = journal.add("first")
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
            with pytest.raises(BmctlError, match=rf"cannot write .*: {os.strerror(errno.EFBIG)}"):
                journal.add("second", pad="x" * 100)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
        again = journal.add("third")
    assert read_journal(path).facts == (fact, again)
