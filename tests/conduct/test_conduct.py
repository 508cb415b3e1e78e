"""One node: what is remembered of its run, and how the run ends."""

from __future__ import annotations

import json
import stat
from dataclasses import replace

from asking import deploy, resume
from paper_agent import own_step
from paper_node import make_hardware
from paper_world import is_clean

from bmctl.drivers.fake import Fault
from bmctl.errors import BmctlError, ExitCode, InvalidError, UnreachableError
from bmctl.model.firmware import PowerState
from bmctl.model.states import ProvisionState
from bmctl.store.record import NodeRecord

GIB = 2**30


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
