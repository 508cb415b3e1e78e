"""Verbs other than deploy: where each leaves the node, holds, aborts, and flags that forbid."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from paper_agent import own_step, write_step
from paper_clock import on_paper

from bmctl.conduct.helm import NodeHelm
from bmctl.engine.steer import AbortedError
from bmctl.errors import ExitCode
from bmctl.model.firmware import PowerState
from bmctl.model.states import ProvisionState
from bmctl.model.steps import DeployTemplate, Place, Runbook, WantedStep
from bmctl.store.record import update_node

OFFERED = [
    write_step(),
    replace(own_step("wipe", 90), abortable=True),
    own_step("look", 0),
    own_step("stubborn", 0),
]


def step(name: str, *, interface: str = "deploy", **more) -> WantedStep:
    return WantedStep(interface=interface, step=name, origin="test", **more)


def steps(*names: str) -> dict:
    return {"steps": tuple(step(name) for name in names)}


def run(site, verb, request=None, **options):
    return on_paper(site.run(verb, request=request, **options))[0]


def resume(site, **options):
    return on_paper(site.resume(**options))[0]


def abort(site):
    return on_paper(site.conductor().abort(site.nodes()))[0]


def put(site, name="n1", **values):
    def change(record):
        return replace(record.of_controller(f"fake:fake:{name}#"), **values)

    update_node(site.store, name, change)


@pytest.fixture
def world(site):
    world = site.world()
    world.offered = OFFERED
    return world


def test_automated_cleaning_leaves_the_node_available(site, world):
    outcome = run(site, "provide")
    assert outcome.ok, outcome.error
    assert world.ran == ["wipe"]
    assert site.record().provision_state is ProvisionState.AVAILABLE
    assert site.record().power is PowerState.OFF
    assert {"cleaning", "clean wait"} <= set(site.states["n1"])


def test_manual_cleaning_leaves_the_node_manageable(site, world):
    assert run(site, "clean", steps("look", "wipe", "look")).ok
    assert world.ran == ["look", "wipe", "look"]
    assert site.record().provision_state is ProvisionState.MANAGEABLE


def test_what_the_agent_offers_is_remembered_for_its_ramdisk(site, world):
    run(site, "clean", steps("look"))
    kept = site.record().listings["digest-of-the-ramdisk"]
    assert {"clean", "deploy", "service"} <= set(kept)
    refused = run(site, "clean", steps("lok"))
    assert refused.error.exit_code is ExitCode.INVALID
    assert 'did you mean "deploy.look"' in refused.error.message
    assert refused.run_id is None


def test_a_step_the_agent_does_not_have_is_refused_before_any_step_runs(site, world):
    outcome = run(site, "clean", steps("wipe", "lok"))
    assert "lok" in outcome.error.message
    assert world.ran == []
    assert world.machine.power is PowerState.OFF
    assert world.machine.image is None
    assert site.record().provision_state is ProvisionState.CLEAN_FAILED


def test_a_hold_waits_for_an_operator_and_goes_on(site, world):
    held = run(site, "clean", steps("look", "hold", "wipe"))
    assert held.held
    assert held.error.exit_code is ExitCode.HELD
    assert site.record().provision_state is ProvisionState.CLEAN_HOLD
    assert world.machine.power is PowerState.ON
    boots = len(world.machine.boots)
    assert resume(site).ok
    assert world.ran == ["look", "wipe"]
    assert len(world.machine.boots) == boots, "the ramdisk was booted again"
    assert site.record().provision_state is ProvisionState.MANAGEABLE


def test_two_holds_hold_twice(site, world):
    assert run(site, "clean", steps("hold", "look", "hold", "wipe")).held
    assert resume(site).held
    assert world.ran == ["look"]
    assert resume(site).ok


def test_a_run_holds_before_a_step_that_was_named(site, world):
    NodeHelm(site.store, "n1").hold_before("deploy.write_image")
    assert run(site, "deploy").held
    assert site.record().provision_state is ProvisionState.DEPLOY_HOLD
    assert world.writes_started == 0
    assert resume(site).ok
    assert NodeHelm(site.store, "n1").holds() == ()


def test_a_held_run_is_aborted_and_cannot_be_resumed(site, world):
    run(site, "clean", steps("look", "hold", "wipe"))
    ended = abort(site)
    assert ended.ok, ended.error
    assert site.record().provision_state is ProvisionState.CLEAN_FAILED
    assert site.record().maintenance is None
    assert (world.machine.power, world.machine.image) == (PowerState.OFF, None)
    assert resume(site).error.exit_code is ExitCode.INVALID
    assert run(site, "clean", steps("look")).ok


def test_there_is_nothing_to_abort_where_nothing_runs(site, world):
    run(site, "clean", steps("look"))
    assert "nothing to abort" in abort(site).error.message


async def asked_while(site, verb, request, during):
    """Run a verb, and ask to abort it once the task of this key has begun."""
    helm = NodeHelm(site.store, "n1")

    async def ask():
        while during not in site.told("started"):  # noqa: ASYNC110 - the run tells through a list
            await asyncio.sleep(0.1)
        helm.ask_abort("the test")

    asking = asyncio.create_task(ask())
    try:
        return (await site.run(verb, request=request))[0]
    finally:
        asking.cancel()


def slow(world, name):
    """A step of the agent that takes for ever, as far as a test goes."""
    command = world.agent._command

    def make(full, parameters):
        made = command(full, parameters)
        if parameters.get("step", {}).get("step") == name:
            made.work = 400
        return made

    world.agent._command = make


def test_a_step_that_can_be_aborted_is_cut_off(site, world):
    slow(world, "wipe")
    outcome = on_paper(asked_while(site, "clean", steps("wipe", "look"), "agent.run_step:deploy.wipe"))
    assert isinstance(outcome.error, AbortedError)
    assert "aborted during agent.run_step:deploy.wipe" in outcome.error.message
    assert world.ran == []
    assert site.record().provision_state is ProvisionState.CLEAN_FAILED
    assert (world.machine.power, world.machine.image) == (PowerState.OFF, None)


def test_a_step_that_cannot_be_aborted_ends_first(site, world):
    slow(world, "stubborn")
    outcome = on_paper(
        asked_while(site, "clean", steps("stubborn", "look"), "agent.run_step:deploy.stubborn")
    )
    assert "aborted after agent.run_step:deploy.stubborn" in outcome.error.message
    assert world.ran == ["stubborn"]


def test_a_service_leaves_the_node_in_use(site, world):
    run(site, "deploy")
    outcome = run(site, "service", steps("look"))
    assert outcome.ok, outcome.error
    assert site.record().provision_state is ProvisionState.ACTIVE
    assert site.record().power is PowerState.ON


def test_an_aborted_service_brings_the_node_back_into_use(site, world):
    run(site, "deploy")
    assert run(site, "service", steps("look", "hold")).held
    assert abort(site).ok
    assert site.record().provision_state is ProvisionState.ACTIVE
    assert world.machine.power is PowerState.ON
    assert world.machine.image is None


def test_a_node_that_is_not_in_use_has_no_service(site, world):
    outcome = run(site, "service", steps("look"))
    assert outcome.error.message == "cannot service a node that is enroll"
    assert "manage" in outcome.error.hint


def test_an_inspection_tells_what_the_machine_is(site, world):
    world.machine.power = PowerState.ON
    assert run(site, "inspect").ok
    record = site.record()
    assert record.provision_state is ProvisionState.MANAGEABLE
    assert [disk["name"] for disk in record.inspection["disks"]] == ["/dev/vda"]
    assert world.machine.power is PowerState.ON
    assert world.writes_started == 0


def test_an_available_node_is_available_after_an_inspection(site, world):
    run(site, "provide")
    assert run(site, "inspect").ok
    assert site.record().provision_state is ProvisionState.AVAILABLE


def test_an_undeploy_cleans(site, world):
    run(site, "deploy")
    world.ran.clear()
    assert run(site, "undeploy").ok
    assert world.ran == ["wipe"]
    assert site.record().provision_state is ProvisionState.AVAILABLE
    assert "deleting" in site.states["n1"] or "cleaning" in site.states["n1"]


def test_a_failed_clean_puts_the_node_in_maintenance_until_one_goes_well(site, world):
    world.hardware = replace(world.hardware, interfaces=())
    assert not run(site, "clean", steps("look")).ok
    record = site.record()
    assert (record.fault, record.maintenance) == ("clean failure", "clean failure")
    assert "maintenance" in run(site, "deploy").error.message
    put(site, provision_state=ProvisionState.CLEAN_FAILED)
    site.worlds.pop("n1")
    site.world().offered = OFFERED
    assert run(site, "clean", steps("look")).ok
    assert site.record().maintenance is None


@pytest.mark.parametrize(
    ("flag", "state", "verb", "says"),
    [
        ("maintenance", ProvisionState.AVAILABLE, "deploy", "in maintenance: a fan is loud"),
        ("protected", ProvisionState.ACTIVE, "undeploy", "is protected: a fan is loud"),
        ("retired", ProvisionState.AVAILABLE, "deploy", "is retired: a fan is loud"),
        ("retired", ProvisionState.MANAGEABLE, "provide", "is retired: a fan is loud"),
    ],
)
def test_flags_forbid(site, world, flag, state, verb, says):
    put(site, provision_state=state, **{flag: "a fan is loud"})
    outcome = run(site, verb)
    assert says in outcome.error.message
    assert world.machine.calls == []
    assert site.record().provision_state is state


def test_a_retired_node_is_manageable_after_cleaning(site, world):
    put(site, provision_state=ProvisionState.ACTIVE, retired="old")
    assert run(site, "undeploy").ok
    assert site.record().provision_state is ProvisionState.MANAGEABLE


def test_a_runbook_is_for_nodes_with_its_trait(site, world):
    site.runbooks = (
        Runbook(name="looks", steps=(step("look"),), traits=("CUSTOM_A",)),
        Runbook(name="other", steps=(step("look"),), traits=("CUSTOM_B",)),
    )
    world.node = replace(world.node, traits=("CUSTOM_A",))
    assert run(site, "clean", {"runbook": "looks"}).ok
    assert "CUSTOM_B" in run(site, "clean", {"runbook": "other"}).error.message
    assert "there is no runbook" in run(site, "clean", {"runbook": "loks"}).error.message


def test_templates_add_move_and_disable(site, world):
    traits = ("CUSTOM_LOOK", "CUSTOM_NO_BOOT_ENTRY")
    world.node = replace(world.node, traits=traits, instance=replace(world.node.instance, traits=traits))
    site.templates = (
        DeployTemplate(name=traits[0], steps=(replace(step("look"), priority=85),)),
        DeployTemplate(name=traits[1], steps=(replace(step("prepare_instance_boot"), priority=0),)),
        DeployTemplate(name="CUSTOM_OTHER", steps=(replace(step("stubborn"), priority=85),)),
    )
    assert run(site, "deploy").ok
    # The agent's own step runs by itself.
    assert world.ran == ["wipe", "look"]
    assert not world.disk.boot_entry


def test_a_template_with_a_step_nobody_has_is_refused_after_the_agent_told(site, world):
    world.node = replace(
        world.node, instance=replace(world.node.instance, traits=("CUSTOM_X",)), traits=("CUSTOM_X",)
    )
    place = Place(file="inventory.yaml", line=12, column=9)
    wanted = replace(step("lok"), priority=90, place=place, origin="template CUSTOM_X")
    site.templates = (DeployTemplate(name="CUSTOM_X", steps=(wanted,)),)
    first = run(site, "deploy")
    assert "inventory.yaml:12:9: template CUSTOM_X" in first.error.message
    assert world.writes_started == 0
    again = run(site, "deploy")
    assert again.error.exit_code is ExitCode.INVALID
    assert again.run_id is None


def test_steps_on_child_nodes_keep_the_order_of_power(site, world):
    child = site.world("card", parent="n1")
    on_child = replace(step("power_on", interface="power"), on_children=True)
    child.machine.power = PowerState.OFF
    world.machine.power = PowerState.OFF
    assert run_only(site, "clean", {"steps": (on_child,)}).ok
    assert (world.machine.power, child.machine.power) == (PowerState.ON, PowerState.ON)
    assert run_only(site, "clean", {"steps": (step("power_off", interface="power"),)}).ok
    assert (world.machine.power, child.machine.power) == (PowerState.OFF, PowerState.OFF)
    order = [event.task for event in site.events if event.kind == "done" and "power" in event.task]
    assert order[:2] == ["reserved.power_on", "reserved.power_on@card"]
    assert order[2:] == ["reserved.power_off@card", "reserved.power_off"]


def run_only(site, verb, request):
    return on_paper(site.run(verb, "n1", request=request))[0]


def test_a_child_that_somebody_works_on_is_busy(site, world):
    site.world("card", parent="n1")
    on_child = replace(step("power_on", interface="power"), on_children=True)
    with site.store.lock("nodes/card", site.conductor()._owner, lease=60):
        outcome = run_only(site, "clean", {"steps": (on_child,)})
    assert outcome.error.exit_code is ExitCode.BUSY
    assert world.machine.calls == []


def test_a_machine_without_a_disk_for_an_image_is_cleaned_and_inspected(site, world):
    world.hardware = replace(world.hardware, disks=())
    assert run(site, "clean", steps("look")).ok
    assert run(site, "inspect").ok
    assert "no disk" in run(site, "deploy").error.message


def test_what_was_on_the_disk_before_its_image_is_not_told_afterwards(site, world):
    assert run(site, "inspect").ok
    assert site.record().inspection["disks"]
    world.offered = [write_step()]
    assert run(site, "deploy").ok
    assert site.record().inspection["disks"] == []


@pytest.mark.parametrize("verb", ["clean", "service"])
def test_a_runbook_that_is_for_no_ramdisk_refuses_steps_that_need_it(site, world, verb):
    site.runbooks = (Runbook(name="CUSTOM_A", steps=(step("look"),), disable_ramdisk=True),)
    world.node = replace(world.node, traits=("CUSTOM_A",))
    put(site, provision_state=ProvisionState.ACTIVE if verb == "service" else ProvisionState.MANAGEABLE)
    outcome = run(site, verb, {"runbook": "CUSTOM_A"})
    assert "runs in the ramdisk, which is not to be booted" in outcome.error.message
    assert world.machine.calls == []
