"""Many nodes in one command: locks, what one of them does to others, and how many run at once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asking import deploy

from bmctl.errors import ExitCode, InvalidError, UnreachableError
from bmctl.model.firmware import PowerState
from bmctl.store.interface import LostError
from bmctl.store.owner import this_process
from bmctl.store.record import node_key


def test_a_node_that_another_process_holds_is_not_touched(site):
    world, other = site.world("n1"), site.world("n2")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = replace(
            this_process("bmctl clean n1", since=0.0), pid=process.pid, started=_start_of(process.pid)
        )
        with site.store.lock(node_key("n1"), owner, lease=60):
            held, free = deploy(site)
        process.communicate(b"\n")
    assert held.error.exit_code is ExitCode.BUSY
    assert "bmctl clean n1" in held.error.message
    assert world.machine.calls == []
    assert free.ok
    assert other.disk.image == other.digest


def test_a_lost_lock_stops_the_run_before_the_next_change(site):
    world = site.world()
    boots = world.machine.booted

    def steal(boot: Any) -> None:
        boots(boot)
        path = site.store.directory.lock_path(node_key("n1"))
        state = json.loads(path.read_text())
        path.write_text(json.dumps({**state, "fence": state["fence"] + 1}))

    world.machine.booted = steal
    outcome = deploy(site)
    assert isinstance(getattr(outcome.error, "cause", outcome.error), LostError)
    assert outcome.error.exit_code is ExitCode.BUSY
    assert world.machine.power is PowerState.ON
    assert "media.eject" not in world.machine.calls


def _start_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_a_mistake_in_one_image_stops_all_before_anything_is_touched(site):
    good, bad = site.world("good"), site.world("bad")
    bad.image_fault = InvalidError("image debian has no partition table")
    outcomes = {outcome.node.name: outcome for outcome in deploy(site)}
    assert {outcome.error.exit_code for outcome in outcomes.values()} == {ExitCode.INVALID}
    assert "another machine" in outcomes["good"].error.message
    assert [outcome.run_id for outcome in outcomes.values()] == [None, None]
    for world in (good, bad):
        assert set(world.machine.calls) <= {"power.state"}
    assert not list(site.store.directory.runs.glob("*/secrets.json"))


def test_a_controller_that_does_not_answer_stops_only_its_own_node(site):
    site.world("good")
    site.world("bad")
    site.unreachable["bad"] = UnreachableError("no answer")
    good, bad = deploy(site)
    assert good.ok
    assert bad.error.exit_code is ExitCode.UNREACHABLE
    assert bad.run_id is None


def test_a_bug_in_one_run_lets_the_others_end(site):
    good, bad = site.world("good"), site.world("bad")
    bad.image_fault = RuntimeError("a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        deploy(site)
    assert good.disk.image == good.digest
    assert "a bug" in site.record("bad").last_error


def test_only_so_many_are_worked_on_at_once(site):
    worlds = [site.world(f"n{number}") for number in range(6)]
    busy, most = set(), []
    listen = site.tell

    def tell(event: Any) -> None:
        listen(event)
        if event.task == "power.power_off" and event.kind == "started":
            busy.add(event.node)
            most.append(len(busy))
        if event.task == "deploy.boot_instance" and event.kind == "done":
            busy.discard(event.node)

    site.tell = tell
    assert all(outcome.ok for outcome in deploy(site, at_once=2))
    assert max(most) == 2
    assert all(world.disk.image for world in worlds)
