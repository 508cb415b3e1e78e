"""The steps that a node can run, from what its controller and its agent told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from offered_steps import CONTROLLER_STEPS, RELEASED_AGENT, ApplySettings, Setting, controller_step

from bmctl.agent.known_steps import GENERIC_MANAGER, OWN_MANAGER, known_step, may_offer
from bmctl.engine.step import NoArgs
from bmctl.errors import InvalidError
from bmctl.flows.catalogue import controller_steps, find, offers
from bmctl.flows.remembered import KEPT, learnt, listings_of, remember
from bmctl.flows.step_arguments import arguments_of, make_arguments, readable, wrong_arguments
from bmctl.model.firmware import BootMode
from bmctl.model.steps import ReservedStep, StepKind, StepSource
from bmctl.ramdisk.inside.hardware_manager import STEPS as OWN_STEPS
from bmctl.steps import STEPS

BIOS = {"abilities": ["bios"]}


def keys(kind, source, **known):
    found = offers(**{"description": BIOS, "listings": RELEASED_AGENT, "steps": CONTROLLER_STEPS, **known})
    return [offer.key for offer in found if offer.kind is kind and offer.source is source]


def test_each_kind_has_what_controller_and_agent_tell():
    assert keys(StepKind.CLEAN, StepSource.CONTROLLER) == ["bios.apply_configuration", "bios.factory_reset"]
    assert keys(StepKind.CLEAN, StepSource.AGENT) == [
        f"{step['interface']}.{step['step']}" for step in RELEASED_AGENT["clean"]["steps"]
    ]
    assert keys(StepKind.VERIFY, StepSource.CONTROLLER, description=None) == ["management.verify_clock"]
    assert keys(StepKind.VERIFY, StepSource.RESERVED) == []
    assert keys(StepKind.SERVICE, StepSource.CORE) == []


def test_what_was_not_asked_has_no_steps_of_the_agent():
    only = {"clean": RELEASED_AGENT["clean"]}
    assert keys(StepKind.CLEAN, StepSource.AGENT, listings=only)
    assert keys(StepKind.DEPLOY, StepSource.AGENT, listings=only) == []


def test_a_step_that_bmctl_or_the_controller_runs_is_not_the_agents():
    assert "deploy.write_image" not in keys(StepKind.DEPLOY, StepSource.AGENT)
    assert "deploy.write_image" in keys(StepKind.SERVICE, StepSource.AGENT)
    assert "raid.delete_configuration" in keys(StepKind.CLEAN, StepSource.AGENT)
    with_raid = {"abilities": ["bios", "raid"]}
    assert "raid.delete_configuration" not in keys(StepKind.CLEAN, StepSource.AGENT, description=with_raid)


def test_a_reserved_step_is_found_by_its_name_alone():
    found = offers(description=None, listings={})
    for name in ReservedStep:
        for key in (name, f"deploy.{name}", f"raid.{name}"):
            assert find(found, StepKind.CLEAN, key).step == name
    assert find(found, StepKind.VERIFY, "hold") is None
    assert find(found, StepKind.CLEAN, "deploy.erase_devices") is None


def test_flags_of_the_agents_steps():
    found = offers(description=None, listings=RELEASED_AGENT)
    erase = find(found, StepKind.CLEAN, "deploy.erase_devices_metadata")
    assert (erase.priority, erase.destroys, erase.needs_ramdisk, erase.abortable) == (99, True, True, True)
    assert find(found, StepKind.CLEAN, "deploy.burnin_cpu").destroys is False
    assert find(found, StepKind.CLEAN, "deploy.clean_uefi_nvram").arguments[0].name == "match_patterns"


def test_nothing_is_claimed_of_managers_that_are_not_known():
    listing = {"steps": [{"interface": "deploy", "step": "erase_devices", "manager": "OtherManager"}]}
    (offer,) = (
        one for one in offers(description=None, listings={"clean": listing}) if one.manager == "OtherManager"
    )
    assert offer.destroys is None
    assert offer.description == ""


def test_all_that_the_released_agent_lists_is_known():
    for kind, listing in RELEASED_AGENT.items():
        for step in listing["steps"]:
            key = f"{step['interface']}.{step['step']}"
            assert known_step(GENERIC_MANAGER, key).does
            assert may_offer(StepKind(kind), key)


def test_the_steps_that_bmctls_ramdisk_adds_are_known():
    for step in OWN_STEPS:
        assert known_step(OWN_MANAGER, f"{step['interface']}.{step['step']}").does


def test_every_controller_step_of_bmctl_describes_itself():
    for step, offered in controller_steps(STEPS):
        assert offered.description, step.key
        for argument in arguments_of(step.args):
            assert argument.description, f"{step.key}: {argument.name}"
            assert argument.type


def test_arguments_are_told_in_words():
    told = {argument.name: argument for argument in arguments_of(ApplySettings)}
    assert told["settings"].type == "list of mapping with name, value, note?"
    assert told["settings"].required
    assert told["settings"].description == "names and values"
    assert told["mode"].type == "uefi or bios"
    assert told["when"].type == "now or later"
    assert told["within"].type == "number"
    assert told["more"].type == "mapping"
    assert not told["mode"].required
    assert readable(tuple[str, ...] | None) == "list of text"


def test_arguments_become_values():
    step = CONTROLLER_STEPS["bios.apply_configuration"]
    made = make_arguments(step, {"settings": [{"name": "Quiet", "value": "on"}], "mode": "uefi"})
    assert made == ApplySettings(settings=(Setting(name="Quiet", value="on"),), mode=BootMode.UEFI)
    with pytest.raises(InvalidError, match=r"bios.apply_configuration: settings must be a list"):
        make_arguments(step, {"settings": "quiet"})


@given(
    st.dictionaries(st.sampled_from(["settings", "within", "mode"]), st.text() | st.integers() | st.none())
)
def test_what_has_no_wrong_argument_becomes_a_value(given):
    step = CONTROLLER_STEPS["bios.apply_configuration"]
    full = {"settings": [], **given}
    if wrong_arguments(step, full):
        with pytest.raises(InvalidError):
            make_arguments(step, full)
    else:
        assert isinstance(make_arguments(step, full), ApplySettings)


def test_a_step_without_arguments_takes_none():
    assert arguments_of(NoArgs) == ()
    assert arguments_of(controller_step("bios.x", NoArgs, ability="bios").args) == ()


def test_what_is_learnt_stays_with_its_ramdisk():
    kept = remember({}, digest="a", agent="13.0.0", told={"clean": {"steps": []}}, now=1)
    kept = remember(kept, digest="a", agent="13.0.0", told={"deploy": {"steps": [1]}}, now=2)
    kept = remember(kept, digest="b", agent="13.0.0", told={"clean": {"steps": [2]}}, now=3)
    assert listings_of(kept, "a") == {"clean": {"steps": []}, "deploy": {"steps": [1]}}
    assert listings_of(kept, "c") == {}
    assert learnt(kept, None).digest == "b"
    assert learnt(kept, "a").when == 2
    assert learnt({}, None) is None


def test_another_version_under_one_digest_starts_anew():
    kept = remember({}, digest="a", agent="13.0.0", told={"clean": {}}, now=1)
    kept = remember(kept, digest="a", agent="13.1.0", told={"deploy": {}}, now=2)
    assert listings_of(kept, "a") == {"deploy": {}}


def test_a_record_does_not_grow_without_end():
    kept: dict = {}
    for number in range(KEPT + 5):
        kept = remember(kept, digest=str(number), agent="1", told={"clean": {}}, now=number)
    assert set(kept) == {str(number) for number in range(5, KEPT + 5)}
