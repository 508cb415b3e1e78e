"""The plan of a deploy: core steps, and the agent's own in their places."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_node import make_node

from bmctl.errors import InvalidError
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import tidy_tasks
from bmctl.flows.plans import plan_for
from bmctl.flows.request import Request, Verb
from bmctl.model.hints import RootDeviceHints
from bmctl.model.node import Ready

CORE = [
    "image.check",
    "controller.check",
    "media.build",
    "power.power_off",
    "media.attach",
    "boot.set_boot_device",
    "power.power_on",
    "agent.wait",
    "agent.verify_machine",
    "agent.get_steps",
    "agent.look_at_disks",
    "deploy.check_duplicates",
    "deploy.write_image",
    "deploy.read_back",
    "deploy.prepare_instance_boot",
    "deploy.tear_down_agent",
    "media.detach",
    "deploy.boot_instance",
]


def plan_deploy(node: Any, *, agent_steps: Any = None, description: Any = None) -> Any:
    listings = {"deploy": agent_steps} if agent_steps is not None else {}
    return plan_for(node, Knowledge(description=description, listings=listings), Request(verb=Verb.DEPLOY))


def offered(*steps: tuple[str, int], reboot: tuple[str, ...] = ()) -> dict[str, Any]:
    """What an agent offers, from `interface.step` and priority."""
    listed = []
    for key, priority in steps:
        interface, _, step = key.partition(".")
        listed.append(
            {"interface": interface, "step": step, "priority": priority, "reboot_requested": key in reboot}
        )
    return {"versions": {}, "steps": listed}


def keys(plan: Any) -> list[str]:
    return [task.key for task in plan.tasks]


def order(*steps: tuple[str, int]) -> list[str]:
    """The agent's steps and the core steps they stand among, in order."""
    plan = plan_deploy(make_node(), agent_steps=offered(*steps))
    return [task.part_of for task in plan.tasks if task.part_of != "checks"]


def test_the_core_steps():
    assert keys(plan_deploy(make_node())) == CORE


def test_waiting_for_the_system_is_asked_for():
    plan = plan_deploy(make_node(ready=Ready(tcp=22)))
    assert keys(plan) == [*CORE, "deploy.wait_for_instance"]


def test_steps_of_the_agent_stand_where_their_priority_says():
    parts = order(("raid.create", 95), ("deploy.grow", 70), ("deploy.loader", 50), ("deploy.never", 0))
    assert list(dict.fromkeys(parts)) == [
        "deploy.deploy",
        "raid.create",
        "deploy.write_image",
        "deploy.grow",
        "deploy.prepare_instance_boot",
        "deploy.loader",
        "deploy.tear_down_agent",
        "deploy.boot_instance",
    ]


def test_on_a_tie_the_interface_decides():
    parts = order(("raid.a", 90), ("bios.b", 90), ("deploy.c", 90), ("power.d", 90), ("power.e", 80))
    assert [part for part in parts if part[-2:] in {".a", ".b", ".c", ".d"}] == [
        "power.d",
        "deploy.c",
        "bios.b",
        "raid.a",
    ]
    assert parts.index("power.e") < parts.index("deploy.write_image")


def test_a_step_named_like_a_core_step_is_run_by_that():
    plan = plan_deploy(
        make_node(), agent_steps=offered(("deploy.write_image", 80), ("deploy.boot_instance", 90))
    )
    assert keys(plan) == CORE


@pytest.mark.parametrize(
    ("priority", "after"), [(200, "agent.get_steps"), (5, "deploy.prepare_instance_boot")]
)
def test_a_step_runs_only_while_the_agent_is_there(priority, after):
    plan = plan_deploy(make_node(), agent_steps=offered(("deploy.x", priority)))
    position = plan.position("agent.run_step:deploy.x")
    assert plan.tasks[position - 1].key == after
    assert f"priority {priority}, when it does not run" in plan.tasks[position].reason


def test_a_step_that_wants_a_restart_is_followed_by_one():
    plan = plan_deploy(
        make_node(), agent_steps=offered(("firmware.refresh", 90), reboot=("firmware.refresh",))
    )
    begin = plan.position("agent.run_step:firmware.refresh")
    assert keys(plan)[begin + 1 : begin + 9] == [f"{key}:firmware.refresh" for key in CORE[2:10]]
    assert keys(plan)[begin + 9] == "agent.look_at_disks"


@given(
    st.lists(
        st.tuples(st.sampled_from(["deploy.a", "raid.b", "power.c", "bios.d"]), st.integers(0, 150)),
        unique_by=lambda step: step[0],
    ),
    st.sets(st.sampled_from(["deploy.a", "raid.b"])),
)
def test_whatever_is_offered_the_core_keeps_its_order(steps, reboot):
    plan = plan_deploy(make_node(), agent_steps=offered(*steps, reboot=tuple(reboot)))
    # An agent whose last step ended it cannot be asked to stop.
    stopped = {"reserved.power_off": "deploy.tear_down_agent"}
    assert [stopped.get(key, key) for key in keys(plan) if ":" not in key] == CORE
    assert len(set(keys(plan))) == len(plan.tasks)


def test_the_digest_changes_with_what_will_be_done():
    node = make_node()
    assert plan_deploy(node).digest == plan_deploy(make_node()).digest
    other = replace(node, instance=replace(node.instance, config_drive=False))
    assert plan_deploy(node).digest != plan_deploy(other).digest


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (make_node(image=None), "no image is named"),
        (make_node(root_device=RootDeviceHints(size="many")), "not a whole number of GiB"),
    ],
)
def test_what_cannot_be_deployed_has_no_plan(node, says):
    with pytest.raises(InvalidError, match=says):
        plan_deploy(node)


def test_a_controller_without_virtual_media_is_refused():
    with pytest.raises(InvalidError, match="no virtual media"):
        plan_deploy(make_node(), description={"media_slots": []})


def test_tidying_up_collects_logs_before_it_switches_off():
    tasks = tidy_tasks(make_node(), Verb.DEPLOY)
    assert [task.key for task in tasks] == ["agent.collect_logs", "deploy.release_machine"]
