"""Where the ramdisk ran, every plan ends with the machine off it and an empty drive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from paper_node import make_node

from bmctl.flows.knowledge import Knowledge
from bmctl.flows.plans import plan_for
from bmctl.flows.request import Request, Verb
from bmctl.model.steps import DeployTemplate, WantedStep

ABLE = {"media_slots": ["Cd"], "abilities": ["bios"]}
BIOS = {"settings": [{"name": "ProcTurboMode", "value": "Disabled"}]}


def step(key: str, **more: Any) -> WantedStep:
    interface, _, name = key.partition(".")
    return WantedStep(interface=interface, step=name, origin="test", **more)


BURN_IN = step("deploy.burnin_cpu")
SET_BIOS = step("bios.apply_configuration", arguments=BIOS)


def endings(verb: Verb, *steps: WantedStep) -> list[str]:
    """The plan's tasks after the last step that was asked for."""
    plan = plan_for(make_node(), Knowledge(description=ABLE), Request(verb=verb, steps=steps))
    parts = {one.key for one in steps}
    last = max(index for index, task in enumerate(plan.tasks) if task.part_of in parts)
    return [task.key for task in plan.tasks[last + 1 :]]


def test_an_agent_that_is_up_is_asked_to_stop():
    assert endings(Verb.CLEAN, SET_BIOS, BURN_IN) == ["deploy.tear_down_agent", "media.detach"]
    assert endings(Verb.SERVICE, SET_BIOS, BURN_IN) == [
        "deploy.tear_down_agent",
        "media.detach",
        "deploy.boot_instance",
    ]


def test_a_machine_that_the_last_step_restarted_is_switched_off():
    assert endings(Verb.CLEAN, BURN_IN, SET_BIOS) == ["reserved.power_off", "media.detach"]
    assert endings(Verb.SERVICE, BURN_IN, SET_BIOS) == [
        "reserved.power_off",
        "media.detach",
        "deploy.boot_instance",
    ]


@pytest.mark.parametrize("verb", [Verb.CLEAN, Verb.SERVICE])
def test_without_a_ramdisk_nothing_is_to_be_ended(verb):
    assert endings(verb, SET_BIOS) == []


@pytest.mark.parametrize(
    ("priority", "stopped"), [(90, "deploy.tear_down_agent"), (50, "reserved.power_off")]
)
def test_a_deploy_ends_whatever_its_templates_left(priority, stopped):
    template = DeployTemplate(
        name="CUSTOM_BIOS",
        steps=(step("bios.apply_configuration", arguments=BIOS, priority=priority),),
    )
    node = make_node()
    knowledge = Knowledge(description=ABLE, templates=(template,))
    plan = plan_for(with_traits(node, "CUSTOM_BIOS"), knowledge, Request(verb=Verb.DEPLOY))
    keys = [task.key for task in plan.tasks]
    assert keys[keys.index("media.detach") - 1] == stopped
    assert keys[-1] == "deploy.boot_instance"


def with_traits(node: Any, *traits: str) -> Any:
    return replace(node, instance=replace(node.instance, traits=traits))
