"""From where a node can be deployed or its run be gone on with, also after a cut."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from asking import deploy, put_state, resume
from paper_clock import on_paper
from paper_cuts import Cut, Killed
from paper_world import is_clean

from bmctl.drivers.fake import Fault
from bmctl.errors import ExitCode, UnreachableError
from bmctl.model.states import ProvisionState
from bmctl.store.marks import RunRecord


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
