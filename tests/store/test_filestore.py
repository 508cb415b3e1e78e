"""The store in files: many processes at once, sudden death, and what lies on disk."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmctl.errors import BmctlError, BusyError, InvalidError
from bmctl.store import durable
from bmctl.store.directory import SCHEMA, StateDirectory, make_run_id
from bmctl.store.filestore import open_store
from bmctl.store.owner import this_process

PROCESSES = 8
UPDATES = 20  # as in the worker
TURNS = 5
KILLS = 12

WORKER = Path(__file__).with_name("store_worker.py")


def ready(work, root):
    worker = subprocess.Popen([sys.executable, WORKER, work, root], stdin=PIPE, stdout=PIPE)
    with worker.stdout as output:
        assert output.readline() == b"ready\n"
    return worker


def start(work, root):
    worker = ready(work, root)
    worker.stdin.close()
    return worker


def run_together(work, root, number):
    workers = [ready(work, root) for _ in range(number)]
    for worker in workers:
        worker.stdin.close()
    assert [worker.wait(60) for worker in workers] == [0] * number


def modes(root):
    return {
        str(path.relative_to(root)): oct(path.stat().st_mode & 0o777) for path in (root, *root.rglob("*"))
    }


def test_updates_of_one_record_by_many_processes_are_all_applied(tmp_path):
    run_together("count_up", tmp_path, PROCESSES)
    assert open_store(tmp_path).get("nodes/n1").value == {"count": PROCESSES * UPDATES}


def test_a_lock_keeps_processes_apart(tmp_path):
    run_together("count_in_turn", tmp_path, 4)
    assert open_store(tmp_path).get("nodes/n1").value == {"count": 4 * TURNS}


def test_killed_at_any_moment_the_state_is_whole_and_nothing_is_left_over(tmp_path):
    last = 0
    for _ in range(KILLS):
        worker = start("write_for_ever", tmp_path)
        time.sleep(random.uniform(0, 0.04))
        worker.kill()
        worker.wait(10)
        found = open_store(tmp_path).get("nodes/n1")
        assert (found.value["n"] if found else 0) >= last
        last = found.value["n"] if found else 0
        assert list((tmp_path / "staging").iterdir()) == []


def test_the_lock_of_a_killed_process_is_taken_over_even_before_it_is_reaped(tmp_path):
    worker = start("die_with_the_lock", tmp_path)
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    try:
        lock = open_store(tmp_path).lock("nodes/n1", this_process("bmctl resume", since=0.0), lease=60)
        assert lock.taken_from.pid == worker.pid
        assert lock.fence == 2
    finally:
        worker.wait(10)


def test_everything_is_private(tmp_path):
    old = os.umask(0)
    try:
        store = open_store(tmp_path / "deep" / "state")
        store.put("nodes/n1", {}, if_revision=0)
        store.lock("nodes/n1", this_process("test", since=0.0), lease=1)
        store.directory.create_run("run1")
    finally:
        os.umask(old)
    root = tmp_path / "deep" / "state"
    for name, mode in modes(root).items():
        assert mode == ("0o700" if (root / name).is_dir() else "0o600"), name


def test_a_directory_of_others_keeps_its_mode_and_its_files(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "mine.txt").write_text("mine")
    open_store(tmp_path)
    assert (tmp_path.stat().st_mode & 0o777, (tmp_path / "mine.txt").read_text()) == (0o755, "mine")


def test_the_schema_is_written_down(tmp_path):
    open_store(tmp_path)
    assert json.loads((tmp_path / "schema.json").read_text()) == {"schema": SCHEMA}


def test_a_newer_schema_is_refused_and_nothing_is_touched(tmp_path):
    (tmp_path / "schema.json").write_text(json.dumps({"schema": SCHEMA + 1}))
    (tmp_path / "staging").mkdir(0o755)
    (tmp_path / "staging" / "left over").write_text("")
    before = modes(tmp_path)
    with pytest.raises(InvalidError, match=f"has schema {SCHEMA + 1}, this bmctl knows {SCHEMA}"):
        open_store(tmp_path)
    assert modes(tmp_path) == before


@pytest.mark.parametrize("content", ["", "null", "[]", "{}", '{"schema": "1"}', '{"schema": 0}', "\xff"])
def test_a_schema_file_that_says_nothing_is_refused(tmp_path, content):
    (tmp_path / "schema.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidError, match="does not name a schema version"):
        open_store(tmp_path)


def test_a_temporary_file_of_a_living_writer_stays(tmp_path):
    directory = StateDirectory.open(tmp_path)
    descriptor, path = durable._stage(directory.staging)
    try:
        assert durable.clean_staging(directory.staging) == 0
        assert path.exists()
    finally:
        os.close(descriptor)
    assert durable.clean_staging(directory.staging) == 1


def error_of(call):
    try:
        assert call() is None
    except BmctlError as error:
        return error
    return None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=60) | st.sampled_from([b"[]", b"{}", b'{"record":[]}', b'{"record":{"1":{}}}'])
)
def test_a_damaged_record_is_one_clear_line(tmp_path, content):
    store = open_store(tmp_path)
    path = tmp_path / "nodes" / "n1.json"
    path.write_bytes(content)
    error = error_of(lambda: store.get("nodes/n1"))
    assert error is None or (str(path) in error.message and error.hint)


def test_a_damaged_lock_is_one_clear_line(tmp_path):
    store = open_store(tmp_path)
    store.lock("nodes/n1", this_process("test", since=0.0), lease=1).release()
    (tmp_path / "locks/nodes/n1.json").write_text("{")
    with pytest.raises(BmctlError, match=r"the lock file .* cannot be read"):
        store.holder("nodes/n1")


def test_a_write_that_fails_leaves_the_old_value_and_no_temporary_file(tmp_path):
    target = tmp_path / "file"
    target.mkdir()
    staging = tmp_path / "staging"
    staging.mkdir()
    with pytest.raises(BmctlError, match=f"cannot write {target}: Is a directory"):
        durable.write_durably(target, b"new", staging=staging)
    assert target.is_dir()
    assert list(staging.iterdir()) == []


def test_a_guard_that_is_never_given_back_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "GUARD_TIMEOUT", 0.01)
    guard = tmp_path / "guard"
    with (
        durable.exclusive(guard),
        pytest.raises(BusyError, match="was held by another process"),
        durable.exclusive(guard),
    ):
        pass


@pytest.mark.parametrize("key", ["n1", "nodes/", "/n1", "locks/n1", "runs/x", "../x/n1"])
def test_a_key_that_is_none_is_a_mistake_of_the_caller(tmp_path, key):
    with pytest.raises(ValueError, match="is not a key"):
        open_store(tmp_path).get(key)


def test_a_name_too_long_for_a_file_is_refused(tmp_path):
    with pytest.raises(InvalidError, match="too long"):
        open_store(tmp_path).get("nodes/" + "n" * 300)


def test_runs_are_folders_in_order_of_time(tmp_path):
    directory = StateDirectory.open(tmp_path)
    ids = [make_run_id(now) for now in (1_700_000_000, 1_700_000_001)]
    for run_id in reversed(ids):
        assert directory.create_run(run_id).is_dir()
    assert directory.run_ids() == tuple(ids)
    assert ids[0].startswith("20231114T221320Z-")
    with pytest.raises(BmctlError, match="exists already"):
        directory.create_run(ids[0])
    for wrong in ("", "..", "a/b", "../x"):
        with pytest.raises(InvalidError, match="is not a run id"):
            directory.run(wrong)
