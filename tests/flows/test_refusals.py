"""What is said of steps that somebody asks for: cases as data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from offered_steps import CONTROLLER_STEPS, RELEASED_AGENT

from bmctl.errors import InvalidError
from bmctl.flows.refusals import is_pending, know, refuse, validate, validate_all
from bmctl.model.steps import Place, StepKind, WantedStep

CASES = yaml.safe_load((Path(__file__).parent / "refusals" / "cases.yaml").read_text())
STEP_PLACE = Place(file="x.yaml", line=9, column=3)
ARGUMENT_PLACE = Place(file="x.yaml", line=9, column=20)


def asked_for(given: dict[str, Any]) -> WantedStep:
    interface, _, step = given["step"].partition(".")
    arguments = given.get("arguments", {})
    return WantedStep(
        interface=interface,
        step=step,
        arguments=arguments,
        priority=given.get("priority"),
        origin="template CUSTOM_X",
        place=STEP_PLACE,
        argument_places=dict.fromkeys(arguments, ARGUMENT_PLACE),
        on_children=given.get("on_children", False),
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_case(case):
    known = know(
        description={"abilities": ["bios"]},
        listings=RELEASED_AGENT if case.get("asked", True) else {},
        disallowed=["deploy.burnin_disk"],
        steps=CONTROLLER_STEPS,
    )
    kind, wanted = StepKind(case["kind"]), [asked_for(one) for one in case["wanted"]]
    told = [str(complaint).replace("x.yaml:", "") for complaint in validate_all(wanted, kind, known)]
    assert told == case["told"]
    pending = [step.key for step in wanted if is_pending(step, kind, known)]
    assert pending == case.get("pending", [])


def test_a_controller_that_was_not_asked_may_have_everything():
    known = know(description=None, listings=RELEASED_AGENT, steps=CONTROLLER_STEPS)
    assert not validate(asked_for({"step": "firmware.update", "priority": 90}), StepKind.DEPLOY, known)


def test_from_the_command_line_there_is_no_place():
    known = know(description=None, listings=RELEASED_AGENT)
    wanted = WantedStep(interface="deploy", step="nothing", origin="command line")
    (complaint,) = validate(wanted, StepKind.CLEAN, known)
    assert str(complaint) == "command line: there is no clean step deploy.nothing on this node"


def test_the_same_step_in_two_templates_names_both():
    known = know(description=None, listings=RELEASED_AGENT)
    one = asked_for({"step": "deploy.erase_devices_metadata", "priority": 90})
    two = replace(one, origin="template CUSTOM_Y", place=replace(STEP_PLACE, line=20))
    (complaint,) = validate_all([one, two], StepKind.DEPLOY, known)
    assert str(complaint) == (
        "x.yaml:20:3: template CUSTOM_Y: deploy.erase_devices_metadata is asked for twice,"
        " first at x.yaml:9:3 (template CUSTOM_X)"
    )


def test_all_mistakes_are_told_at_once():
    known = know(description=None, listings=RELEASED_AGENT)
    wanted = [asked_for({"step": "deploy.one"}), asked_for({"step": "deploy.two"})]
    with pytest.raises(InvalidError) as caught:
        refuse(validate_all(wanted, StepKind.CLEAN, known), node="n1")
    assert caught.value.message.splitlines()[0] == "2 mistakes in the steps asked for"
    assert len(caught.value.message.splitlines()) == 3
    refuse((), node="n1")


def test_a_secret_in_an_argument_is_not_told():
    known = know(description=None, listings={}, steps=CONTROLLER_STEPS)
    wanted = asked_for({"step": "bios.apply_configuration", "arguments": {"settings": "hunter2"}})
    (complaint,) = validate(wanted, StepKind.CLEAN, known)
    assert "hunter2" not in str(complaint)
