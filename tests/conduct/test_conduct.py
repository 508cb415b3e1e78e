"""Many nodes in one command: who is touched, what is remembered, and how each run ends."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paper_agent import own_step
from paper_clock import on_paper
from paper_cuts import Cut, Killed
from paper_node import make_hardware
from paper_world import is_clean

from bmctl.drivers.fake import Fault
from bmctl.errors import BmctlError, ExitCode, InvalidError, UnreachableError
from bmctl.model.firmware import PowerState
from bmctl.model.states import ProvisionState
from bmctl.store.interface import LostError
from bmctl.store.marks import RunRecord
from bmctl.store.owner import this_process
from bmctl.store.record import NodeRecord, node_key, update_node

GIB = 2**30


def deploy(site: Any, *names: str, **options: Any) -> Any:
    """The outcome of one node, or those of all."""
    outcomes = on_paper(site.deploy(*names, **options))
    return outcomes[0] if len(outcomes) == 1 else outcomes


def resume(site: Any, *names: str, **options: Any) -> Any:
    outcomes = on_paper(site.resume(*names, **options))
    return outcomes[0] if len(outcomes) == 1 else outcomes


def put_state(site: Any, state: ProvisionState, name: str = "n1") -> None:
    update_node(site.store, name, lambda record: replace(record, provision_state=state))


# -- one node ----------------------------------------------------------------------------------------


def test_a_deploy_leaves_an_active_node(site):
    world = site.world()
    outcome = deploy(site)
    assert outcome.ok, outcome.error
    record = site.record()
    assert record.provision_state is ProvisionState.ACTIVE
    assert record.power is PowerState.ON
    assert record.run_id == outcome.run_id
    assert record.agent["version"] == "11.5.0"
    assert world.disk.image == world.digest
    turns = ["wait call-back", "deploying"] * (len(site.states["n1"]) // 2 - 1)
    assert site.states["n1"] == ["unknown", "deploying", *turns, "active"]


def test_each_task_is_told_once(site):
    site.world()
    deploy(site)
    assert site.told("skipped") == []
    assert len(site.told("started")) == len(set(site.told("started"))) == len(site.told("done"))


def test_time_left_goes_by_what_this_machine_took_last_time(site):
    site.world()
    deploy(site)
    took = site.record().agent["usual"]["deploy"]
    deploy(site, rebuild=True)
    planned = [event for event in site.events if event.kind == "planned"]
    assert planned[-1].fields["typical"] == took
    assert planned[0].fields["typical"] != took


def test_a_deploy_needs_few_requests(site):
    site.world()
    outcome = deploy(site)
    assert outcome.requests is not None
    assert outcome.requests <= 12
    journal = (site.run_folder() / "journal.jsonl").read_text()
    assert f'"name":"controller requests","value":{outcome.requests}' in journal


def test_the_folder_of_a_run_keeps_its_events_and_no_secret(site):
    site.world()
    deploy(site)
    events = site.run_folder() / "events.jsonl"
    assert stat.S_IMODE(events.stat().st_mode) == 0o600
    kinds = [json.loads(line)["kind"] for line in events.read_text().splitlines()]
    assert kinds[0] == "planned"
    assert kinds[-1] == "finished"
    assert not (site.run_folder() / "secrets.json").exists()


def test_a_resume_tells_what_was_done_before_once(site):
    world = site.world()
    world.machine.faults = [Fault(call="media.eject", error=UnreachableError("gone"), times=9)]
    assert not deploy(site).ok
    site.events.clear()
    world.machine.faults = []
    assert resume(site).ok
    skipped = site.told("skipped")
    assert "deploy.write_image" in skipped
    assert len(skipped) == len(set(skipped))
    assert set(skipped).isdisjoint(site.told("started"))


def test_a_failure_names_stage_evidence_and_hint_and_can_be_resumed(site):
    world = site.world()
    world.machine.faults = [Fault(call="media.insert", error=UnreachableError("no answer", hint="look"))]
    outcome = deploy(site)
    assert outcome.error.message == (
        "insert the boot medium: no answer (seen: power off, boot medium not fetched yet)"
    )
    assert outcome.error.hint == "look"
    assert outcome.error.exit_code is ExitCode.UNREACHABLE
    assert site.record().provision_state is ProvisionState.DEPLOY_FAILED
    assert site.record().last_error == outcome.error.message
    assert is_clean(world)
    assert resume(site).ok
    assert site.record().provision_state is ProvisionState.ACTIVE
    assert site.record().last_error is None


def test_a_disk_that_is_too_small_is_found_before_it_is_written(site):
    world = site.world()
    world.hardware = make_hardware(disk=1 * GIB)
    world.node = replace(world.node, root_device=replace(world.node.root_device, name="/dev/vda"))
    outcome = deploy(site)
    assert "the disk is too small" in outcome.error.message
    assert outcome.error.exit_code is ExitCode.FAILED
    assert world.writes_started == 0
    assert is_clean(world)
    assert world.machine.power is PowerState.OFF


def test_what_is_invalid_after_the_machine_was_touched_is_a_failure(site):
    world = site.world()
    world.machine.faults = [Fault(call="boot.set_next", error=InvalidError("no such mode"))]
    assert deploy(site).error.exit_code is ExitCode.FAILED
    assert is_clean(world)


def test_agent_logs_are_kept_of_a_failure(site):
    world = site.world()
    world.hardware = make_hardware(disk=20 * GIB, macs=["52:54:00:00:00:99"])
    assert not deploy(site).ok
    logs = site.run_folder() / "agent-logs.tar.gz"
    assert logs.read_bytes().startswith(b"\x1f\x8b")
    assert stat.S_IMODE(logs.stat().st_mode) == 0o600


def test_an_agent_whose_steps_have_changed_is_asked_again(site):
    world = site.world()
    world.offered.append(own_step("prepare", 90))

    class Changing(list):
        """The first listing is out of date as soon as it has been read."""

        def __iter__(self):
            world.version = str(int(world.version) + (world.agent.listed == []))
            return super().__iter__()

    world.offered = Changing(world.offered)
    assert deploy(site).ok
    assert world.ran == ["prepare"]
    assert world.writes_finished == 1


def test_an_agent_that_restarts_in_the_middle_of_the_write_writes_again(site):
    world = site.world()
    world.write_work = 5
    tick, moments = world.agent.tick, []

    def tick_and_crash() -> None:
        tick()
        if world.writes_started == 1 and not moments:
            moments.append(1)
            world.agent.start_up(after_asks=0)

    world.agent.tick = tick_and_crash
    assert deploy(site).ok
    assert (world.writes_started, world.writes_finished) == (2, 1)
    assert any("writing once more" in event.text for event in site.events)


# -- states --------------------------------------------------------------------------------------------


def test_an_active_node_is_left_alone_unless_a_rebuild_is_asked_for(site):
    world = site.world()
    deploy(site)
    calls = list(world.machine.calls)
    refused = deploy(site)
    assert refused.error.exit_code is ExitCode.INVALID
    assert "--rebuild" in refused.error.hint
    assert refused.run_id is None
    assert world.machine.calls == calls
    assert deploy(site, rebuild=True).ok
    assert len(site.record().history) == 1


@pytest.mark.parametrize(
    "state", [ProvisionState.DEPLOYING, ProvisionState.DEPLOY_WAIT, ProvisionState.DEPLOY_HOLD]
)
def test_a_run_that_was_cut_off_or_held_can_be_left_behind(site, state):
    site.world()
    put_state(site, state)
    assert deploy(site).ok
    assert any("starting anew" in event.text for event in site.events)
    assert site.record().provision_state is ProvisionState.ACTIVE


@pytest.mark.parametrize("state", [ProvisionState.RESCUE, ProvisionState.SERVICING])
def test_a_state_that_leads_to_no_deploy_is_told_before_anything_is_touched(site, state):
    world = site.world()
    put_state(site, state)
    assert deploy(site).error.exit_code is ExitCode.INVALID
    assert world.machine.calls == []
    assert site.record().provision_state is state


def test_there_must_be_a_run_to_resume(site):
    site.world()
    assert resume(site).error.message == "there is no run to resume"
    deploy(site)
    assert "is done, there is nothing to resume" in resume(site).error.message


def test_another_plan_is_not_gone_on_with(site):
    world = site.world()
    world.machine.faults = [Fault(call="media.insert", error=UnreachableError("no answer"))]
    deploy(site)
    world.node = replace(world.node, instance=replace(world.node.instance, config_drive=False))
    outcome = resume(site)
    assert outcome.error.exit_code is ExitCode.HELD
    assert "the inventory has changed" in outcome.error.message


def test_another_image_is_not_gone_on_with(site):
    world = site.world()
    world.machine.faults = [Fault(call="media.eject", error=UnreachableError("no answer"), times=9)]
    deploy(site)
    world.machine.faults = [Fault(call="media.insert", error=UnreachableError("no answer"))]
    site.world("n2")
    world.digest = "cd" * 32
    # The write is done: the image is not needed any more, and not looked at.
    assert resume(site, "n1").ok


def test_an_image_that_changed_before_it_was_written_holds_the_run(site):
    world = site.world()
    world.machine.faults = [Fault(call="media.insert", error=UnreachableError("no answer"))]
    deploy(site)
    world.digest = "cd" * 32
    outcome = resume(site)
    assert outcome.error.exit_code is ExitCode.HELD
    assert "the image has changed" in outcome.error.message


@pytest.mark.parametrize("point", [8, 20, 35, 50])
def test_killed_and_resumed(site, point):
    world = site.world()
    world.cutter.cuts = {point: Cut.KILL}
    with pytest.raises(Killed):
        deploy(site)
    assert site.record().provision_state in {ProvisionState.DEPLOYING, ProvisionState.DEPLOY_WAIT}
    world.cutter.dead = False
    world.idle(3)
    assert resume(site).ok
    assert site.record().provision_state is ProvisionState.ACTIVE
    assert world.writes_finished == 1


def test_interrupted_and_resumed(site):
    world = site.world()

    async def interrupt() -> Any:
        work = asyncio.create_task(site.deploy())
        while world.writes_started == 0:  # noqa: ASYNC110 - a machine on paper tells nothing by itself
            await asyncio.sleep(0)
        work.cancel()
        return await work

    (outcome,) = on_paper(interrupt())
    assert outcome.interrupted
    assert outcome.run_id is not None
    assert is_clean(world)
    assert site.record().last_error == "interrupted"
    assert site.opened == 0
    assert resume(site).ok


# -- locks ---------------------------------------------------------------------------------------------


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


# -- several nodes ---------------------------------------------------------------------------------------


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


def test_a_full_disk_is_told_and_leaves_the_controller_clean(site):
    world = site.world()
    world.machine.faults = [
        Fault(
            call="power.set", error=BmctlError("cannot write journal.jsonl: No space left on device"), after=1
        )
    ]
    assert "No space left" in deploy(site).error.message
    assert is_clean(world)


def test_a_new_node_has_a_record_of_its_failure(site):
    site.world()
    site.unreachable["n1"] = UnreachableError("no answer")
    deploy(site)
    record = site.record()
    assert record == NodeRecord(
        name="n1", controller=record.controller, last_error="no answer", updated=record.updated
    )


def test_a_run_cut_off_just_before_its_last_word_is_done(site, monkeypatch):
    """The node is active by then: no later command may take it for half deployed."""
    world = site.world()

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunRecord, "end", die)
        with pytest.raises(Killed):
            deploy(site)
    assert site.record().provision_state is ProvisionState.ACTIVE
    calls = [call for call in world.machine.calls if call != "power.state"]
    assert resume(site).ok
    assert [call for call in world.machine.calls if call != "power.state"] == calls
    assert site.record().provision_state is ProvisionState.ACTIVE
    assert "nothing to resume" in resume(site).error.message
