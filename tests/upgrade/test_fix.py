"""Bringing an old state directory to the present schema and back, whole at every instant."""

from __future__ import annotations

import itertools
import json
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from old_states import contents, lay_out

from bmctl.errors import BmctlError, BusyError, ExitCode, InvalidError
from bmctl.store.change_set import Change, ChangeSet, commit
from bmctl.store.directory import StateDirectory
from bmctl.store.filestore import open_store
from bmctl.store.owner import this_process
from bmctl.store.record import get_node, list_nodes, update_node
from bmctl.store.run_folder import RunFolder
from bmctl.store.schema import SCHEMA, read_schema
from bmctl.upgrade.carry_out import carry_out
from bmctl.upgrade.plan import plan_rollback, plan_upgrade

NOW = 1_800_000_000.0
EVERY_SCHEMA = range(1, SCHEMA)


def upgrade(root: Path) -> None:
    carry_out(plan_upgrade(root, None, now=NOW))


def roll_back(root: Path) -> None:
    carry_out(plan_rollback(root, now=NOW + 60))


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_the_state_of_every_release_can_be_used_after_the_upgrade(tmp_path, schema):
    root = lay_out(f"state-{schema}", tmp_path / "state")
    before = {name: json.loads(text) for name, text in contents(root).items() if name.startswith("nodes/")}
    upgrade(root)
    store = open_store(root)
    records = {record.name: record for record in list_nodes(store)}
    assert set(records) == {Path(name).stem for name in before}
    for name, document in before.items():
        value = document["record"]["1"]["value"]
        assert records[Path(name).stem].provision_state.value == value["provision_state"]
        assert records[Path(name).stem].extra == {}
    assert plan_upgrade(root, None, now=NOW).is_empty


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_the_runs_of_every_release_can_be_read_after_the_upgrade(tmp_path, schema):
    root = lay_out(f"state-{schema}", tmp_path / "state")
    upgrade(root)
    directory = open_store(root).directory
    outcomes = {}
    for record in list_nodes(open_store(root)):
        for run_id in (*record.history, *([record.run_id] if record.run_id else [])):
            outcomes[record.name] = RunFolder(directory.run(run_id)).outcome()
    assert outcomes == {"n1": "done", "n2": "failed", "n3": None, "n4": "held"}


def test_what_an_agent_offered_is_kept_for_its_ramdisk(old_state):
    root = old_state()
    upgrade(root)
    stored = get_node(open_store(root), "n1")
    assert "steps" not in stored.record.agent
    listing = stored.record.listings["unknown"]
    assert listing["agent"] == stored.record.agent["version"] == "11.5.0"
    assert listing["learnt"] == stored.record.updated
    assert listing["deploy"]["steps"][0]["step"] == "write_image"


def test_an_old_schema_is_refused_and_nothing_is_touched(old_state):
    root = old_state()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    with pytest.raises(InvalidError, match="has schema 1") as caught:
        open_store(root)
    assert caught.value.hint == "see what would change and change it: bmctl upgrade --fix"
    assert caught.value.exit_code is ExitCode.INVALID
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_plan_changes_nothing(old_state):
    root = old_state()
    before = contents(root)
    plan = plan_upgrade(root, None, now=NOW)
    assert '-      "steps": {' in plan.diff()
    assert '+      "unknown": {' in plan.diff()
    assert contents(root) == before


def test_a_record_that_changes_gets_a_new_revision(old_state):
    """Who read it before must not write over it."""
    root = old_state()
    before = json.loads((root / "nodes/n1.json").read_text())["record"]["1"]["revision"]
    upgrade(root)
    assert get_node(open_store(root), "n1").revision == before + 1


def test_taking_back_leaves_what_was_before(old_state):
    root = old_state()
    before = contents(root)
    upgrade(root)
    assert contents(root) != before
    plan = plan_rollback(root, now=NOW)
    assert plan.lost == ()
    roll_back(root)
    assert contents(root) == before
    upgrade(root)
    assert open_store(root)


def test_taking_back_tells_what_would_be_lost(old_state):
    root = old_state()
    upgrade(root)
    store = open_store(root)
    update_node(store, "n2", lambda record: record.begin_run("later"))
    update_node(store, "new", lambda record: record)
    plan = plan_rollback(root, now=NOW)
    assert plan.lost == ("nodes/new.json is new since", "nodes/n2.json has changed since")
    carry_out(plan)
    assert not (root / "nodes/new.json").exists()
    kept = ChangeSet.read(root, plan.change_set.name)
    assert any(change.path == "nodes/new.json" and change.before for change in kept.changes)


def test_there_must_be_an_upgrade_to_take_back(tmp_path):
    open_store(tmp_path / "state")
    with pytest.raises(InvalidError, match="there is no upgrade"):
        plan_rollback(tmp_path / "state", now=NOW)


def test_a_node_at_work_refuses_the_upgrade(old_state):
    root = old_state()
    before = contents(root)
    table = open_locks(root)
    with table.take("nodes/n1", this_process("bmctl deploy", since=NOW), lease=120.0):
        held = contents(root)
        with pytest.raises(BusyError, match="it holds n1 by bmctl deploy"):
            upgrade(root)
        assert contents(root) == held
    assert {**contents(root), "locks/nodes/n1.json": b""} == {**before, "locks/nodes/n1.json": b""}
    upgrade(root)


def test_a_plan_that_is_too_old_is_not_carried_out(old_state):
    root = old_state()
    plan = plan_upgrade(root, None, now=NOW)
    (root / "nodes/another.json").write_bytes((root / "nodes/n1.json").read_bytes())
    with pytest.raises(BusyError, match="something has changed"):
        carry_out(plan)
    assert read_schema(root).version == 1


def test_a_damaged_record_is_named_and_nothing_is_touched(old_state):
    root = old_state()
    (root / "nodes/n3.json").write_text('{"record":')
    before = contents(root)
    with pytest.raises(InvalidError, match=r"nodes/n3\.json cannot be read"):
        plan_upgrade(root, None, now=NOW)
    assert contents(root) == before


def test_a_newer_schema_is_not_upgraded(old_state):
    root = old_state()
    (root / "schema.json").write_text(json.dumps({"schema": SCHEMA + 1, "pending": "x"}))
    before = contents(root)
    for use in (upgrade, roll_back, open_store):
        with pytest.raises(InvalidError):
            use(root)
    assert contents(root) == before


def open_locks(root: Path):
    from bmctl.store.locks import LockTable

    return LockTable(StateDirectory(root=root), time.time)


# -- killed at any instant -------------------------------------------------------------------------


@pytest.fixture
def pending_state(old_state, killed):
    """Lays out a state whose upgrade was killed just after it had changed the schema."""

    def cut_at(number: int) -> Path:
        root = old_state()
        killed("upgrade", number, root)
        return root

    def version(number: int) -> int:
        return read_schema(cut_at(number)).version

    def cut() -> Path:
        root = cut_at(1 + bisect_left(range(1, 1000), SCHEMA, key=version))
        assert read_schema(root).pending
        return root

    return cut


def see(root: Path) -> dict[str, bytes]:
    """What the state holds for the next command, which finishes what was begun."""
    schema = read_schema(root)
    if schema is not None and schema.pending is not None:
        with suppress(InvalidError):  # what was cut off took the schema back
            StateDirectory.open(root)
    return {name: data for name, data in contents(root).items() if name != "schema.json"}


def ends(old_state) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Everything as it is before an upgrade, and after."""
    root = old_state()
    before = see(root)
    upgrade(root)
    return before, see(root)


def test_killed_before_any_file_operation_the_old_or_the_new_state_is_whole(old_state, killed):
    before, after = ends(old_state)
    seen = []
    for number in itertools.count(1):
        root = old_state()
        if not killed("upgrade", number, root):
            break
        schema = read_schema(root)
        assert see(root) == (before if schema.version == 1 else after), f"killed at {number}"
        seen.append((schema.version, schema.pending is not None))
    assert set(seen) == {(1, False), (2, True), (2, False)}
    assert seen == sorted(seen, key=[(1, False), (2, True), (2, False)].index)


def test_taking_back_can_be_killed_too(old_state, killed):
    """An older bmctl, which knows nothing of pending changes, must not take a half of them for the whole."""
    old, new = ends(old_state)
    pending = 0
    for number in itertools.count(1, 5):
        root = old_state()
        upgrade(root)
        if not killed("rollback", number, root):
            break
        schema = read_schema(root)
        if schema.pending is not None:
            pending += 1
            assert schema.version == SCHEMA
        assert see(root) == (old if schema.version == 1 or schema.pending else new)
    assert pending


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 260), min_size=2, max_size=5), back=st.booleans())
def test_killed_again_while_it_is_finished(old_state, killed, cuts, back):
    old, new = ends(old_state)
    root = old_state()
    if back:
        upgrade(root)
    first, *more = cuts
    killed("rollback" if back else "upgrade", first, root)
    for number in more:
        killed("open", number, root)
    assert see(root) in (old, new)


def test_many_at_once_finish_what_was_cut_off(old_state, pending_state):
    _, after = ends(old_state)
    root = pending_state()
    with ThreadPoolExecutor(4) as pool:
        for opened in [pool.submit(open_store, root) for _ in range(8)]:
            assert get_node(opened.result(), "n1").record.listings
    assert see(root) == after
    assert read_schema(root).pending is None


def test_what_was_cut_off_needs_its_change_set(pending_state):
    root = pending_state()
    for path in (root / "upgrade").glob("*.json"):
        path.write_text("{}")
    with pytest.raises(BmctlError, match="is damaged"):
        open_store(root)


# -- files of others -------------------------------------------------------------------------------


def inventory_change(path: Path) -> ChangeSet:
    change = Change(path=str(path), before="old: 1\n", after="new: 1\n")
    return ChangeSet(name="x", source=SCHEMA, target=SCHEMA, made=NOW, changes=(change,))


def test_an_inventory_keeps_mode_and_links(tmp_path):
    real = tmp_path / "real.yaml"
    real.write_text("old: 1\n")
    real.chmod(0o640)
    link = tmp_path / "inventory.yaml"
    link.symlink_to(real)
    open_store(tmp_path / "state")
    assert commit(tmp_path / "state", inventory_change(link)) == ()
    assert real.read_text() == "new: 1\n"
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inventory.yaml", "real.yaml", "state"]


def test_an_inventory_that_was_edited_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text("old: 2\n")
    open_store(tmp_path / "state")
    assert commit(tmp_path / "state", inventory_change(path)) == (str(path),)
    assert path.read_text() == "old: 2\n"
