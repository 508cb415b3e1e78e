"""What every store promises, on every backend."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bmctl.errors import BusyError
from bmctl.store.interface import ConflictError, LostError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def test_nothing_is_there_at_first(store):
    assert store.get("nodes/n1") is None
    assert store.list("nodes/") == ()
    assert store.keys("nodes/") == ()
    assert store.holder("nodes/n1") is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names, value=st.dictionaries(st.text(), json_values, max_size=4))
def test_what_is_put_reads_back_equal_under_any_name(store, open_again, name, value):
    key = f"nodes/{name}"
    before = store.get(key)
    put = store.put(key, value, if_revision=before.revision if before else 0)
    found = open_again().get(key)
    assert found == put
    assert found.value == value
    assert key in store.keys("nodes/")


def test_a_name_cannot_leave_the_store(store, tmp_path):
    for name in ("..", "../../escape", "/etc/passwd", ".hidden", "a/b"):
        store.put(f"nodes/{name}", {"name": name}, if_revision=0)
        assert store.get(f"nodes/{name}").value == {"name": name}
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_change_needs_the_revision_it_was_made_from(store):
    first = store.put("nodes/n1", {"power": "off"}, if_revision=0)
    second = store.put("nodes/n1", {"power": "on"}, if_revision=first.revision)
    assert second.revision > first.revision
    with pytest.raises(ConflictError) as caught:
        store.put("nodes/n1", {"power": "lost"}, if_revision=first.revision)
    assert "the record of n1 was changed by somebody else" in caught.value.message
    assert store.get("nodes/n1").value == {"power": "on"}


def test_a_new_record_must_be_new_and_an_old_one_there(store):
    with pytest.raises(ConflictError):
        store.put("nodes/n1", {}, if_revision=1)
    store.put("nodes/n1", {}, if_revision=0)
    with pytest.raises(ConflictError):
        store.put("nodes/n1", {}, if_revision=0)


def test_a_value_replaces_the_one_before_whole(store):
    first = store.put("nodes/n1", {"a": 1, "b": {"c": 2}}, if_revision=0)
    store.put("nodes/n1", {"b": {}}, if_revision=first.revision)
    assert store.get("nodes/n1").value == {"b": {}}


def test_a_revision_from_before_a_deletion_never_fits_again(store):
    old = store.put("nodes/n1", {}, if_revision=0)
    store.delete("nodes/n1", if_revision=old.revision)
    assert store.get("nodes/n1") is None
    again = store.put("nodes/n1", {"new": True}, if_revision=0)
    assert again.revision > old.revision
    with pytest.raises(ConflictError):
        store.delete("nodes/n1", if_revision=old.revision)


def test_list_and_keys_go_by_prefix_in_order(store):
    for name in ("b2", "a1", "a2"):
        store.put(f"nodes/{name}", {"name": name}, if_revision=0)
    store.put("callbacks/a3", {}, if_revision=0)
    assert store.keys("nodes/") == ("nodes/a1", "nodes/a2", "nodes/b2")
    assert [record.value["name"] for record in store.list("nodes/a")] == ["a1", "a2"]


def test_update_goes_on_after_a_conflict(store, open_again):
    store.put("nodes/n1", {"count": 1}, if_revision=0)
    interfered = []

    def change(value):
        if not interfered:
            interfered.append(True)
            open_again().update("nodes/n1", lambda other: {"count": other["count"] + 10})
        return {"count": value["count"] + 1}

    assert store.update("nodes/n1", change).value == {"count": 12}


def test_a_lock_is_for_one_and_the_refusal_names_owner_command_and_age(store, open_again, here, clock):
    store.lock("nodes/n1", here, lease=60)
    clock.now += 200
    with pytest.raises(BusyError) as caught:
        open_again().lock("nodes/n1", here, lease=60)
    expected = f"n1 is held by bmctl deploy n1 (pid {here.pid} on {here.host}) for 3 min"
    assert caught.value.message == expected
    assert store.holder("nodes/n1") == here


def test_locks_of_different_keys_are_independent(store, here):
    with store.lock("nodes/n1", here, lease=60), store.lock("nodes/n2", here, lease=60) as second:
        second.check()


def test_a_released_lock_is_free_and_of_no_more_use(store, here):
    with store.lock("nodes/n1", here, lease=60) as lock:
        lock.check()
    assert store.holder("nodes/n1") is None
    for use in (lock.check, lock.renew):
        with pytest.raises(LostError, match="it was released"):
            use()
    with pytest.raises(LostError):
        store.put("nodes/n1", {}, if_revision=0, fence=lock.fence)
    lock.release()


def test_a_dead_owner_is_taken_over_and_named(store, here, dead):
    old = store.lock("nodes/n1", dead, lease=3600)
    assert store.holder("nodes/n1") is None
    new = store.lock("nodes/n1", here, lease=3600)
    assert new.taken_from == dead
    assert new.fence > old.fence
    with pytest.raises(LostError, match=r"bmctl deploy n1 .* took it over"):
        old.check()
    with pytest.raises(LostError):
        store.put("nodes/n1", {"late": True}, if_revision=0, fence=old.fence)
    old.release()
    new.check()
    assert store.put("nodes/n1", {}, if_revision=0, fence=new.fence).value == {}


def test_an_owner_from_before_a_reboot_is_dead(store, here):
    before = replace(here, boot="an earlier boot", space="an earlier space")
    store.lock("nodes/n1", before, lease=3600)
    assert store.lock("nodes/n1", here, lease=60).taken_from == before


@pytest.mark.parametrize("unseen", ["another host", "another container"])
def test_an_owner_out_of_sight_lives_as_long_as_its_lease(store, here, elsewhere, clock, unseen):
    owner = elsewhere if unseen == "another host" else replace(here, space="pid:[1]", started=1)
    lock = store.lock("nodes/n1", owner, lease=60)
    clock.now += 59
    lock.renew()
    clock.now += 59
    with pytest.raises(BusyError):
        store.lock("nodes/n1", here, lease=60)
    clock.now += 2
    assert store.lock("nodes/n1", here, lease=60).taken_from == owner
    with pytest.raises(LostError):
        lock.renew()


def test_a_living_owner_in_sight_keeps_its_lock_beyond_the_lease(store, here, clock):
    lock = store.lock("nodes/n1", here, lease=1)
    clock.now += 3600
    with pytest.raises(BusyError):
        store.lock("nodes/n1", here, lease=1)
    lock.check()


def test_checking_starts_a_lease_again_that_ran_out(store, here, elsewhere, clock):
    lock = store.lock("nodes/n1", elsewhere, lease=60)
    clock.now += 100
    lock.check()
    with pytest.raises(BusyError):
        store.lock("nodes/n1", here, lease=60)


def test_fences_and_locks_survive_the_deletion_of_the_record(store, here):
    record = store.put("nodes/n1", {}, if_revision=0)
    with store.lock("nodes/n1", here, lease=60) as first:
        store.delete("nodes/n1", if_revision=record.revision, fence=first.fence)
        first.check()
    assert store.lock("nodes/n1", here, lease=60).fence > first.fence


async def test_watch_tells_each_change(store):
    async with asyncio.timeout(10):
        watch = store.watch("nodes/n1", interval=0.01)
        assert await anext(watch) is None
        first = store.put("nodes/n1", {"power": "on"}, if_revision=0)
        assert await anext(watch) == first
        second = store.put("nodes/n1", {"power": "no"}, if_revision=first.revision)
        assert await anext(watch) == second
        store.delete("nodes/n1", if_revision=second.revision)
        assert await anext(watch) is None
        await watch.aclose()


def test_locks_taken_released_and_lost_in_any_order_keep_their_law(open_again, here, dead, clock):
    """Fences only grow, and only the newest unreleased lock may write."""
    numbers = iter(range(10**6))

    class Locking(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.store = open_again()
            self.key = f"nodes/{next(numbers)}"
            self.held, self.lost, self.alive = None, [], False

        @precondition(lambda self: not self.alive)
        @rule(alive=st.booleans())
        def take(self, alive):
            lock = self.store.lock(self.key, here if alive else dead, lease=60)
            earlier = [*self.lost, *([self.held] if self.held else [])]
            assert all(lock.fence > other.fence for other in earlier)
            self.held, self.lost, self.alive = lock, earlier, alive

        @precondition(lambda self: self.held)
        @rule()
        def release(self):
            self.held.release()
            self.lost.append(self.held)
            self.held, self.alive = None, False

        @precondition(lambda self: self.lost)
        @rule(data=st.data())
        def use_a_lost_one(self, data):
            lock = data.draw(st.sampled_from(self.lost))
            with pytest.raises(LostError):
                lock.check()
            with pytest.raises(LostError):
                self.store.update(self.key, lambda value: value, fence=lock.fence)
            lock.release()

        @precondition(lambda self: self.held)
        @rule()
        def write(self):
            self.store.update(self.key, lambda _: {"fence": self.held.fence}, fence=self.held.fence)

        @invariant()
        def holder_is_the_living_one(self):
            assert self.store.holder(self.key) == (here if self.alive else None)

    Locking.TestCase.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
    Locking.TestCase().runTest()
