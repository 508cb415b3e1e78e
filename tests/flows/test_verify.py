"""Verifying a controller: which steps, in which order, and what comes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from offered_steps import MANY, controller_step
from paper_node import make_node

from bmctl.drivers.fake import FakeMachine, driver_of
from bmctl.engine.step import NoArgs
from bmctl.errors import BmctlError
from bmctl.flows.verify import verify, verify_steps
from bmctl.model.node import StepPriorities
from bmctl.model.steps import StepKind

VERIFY = frozenset({StepKind.VERIFY})


def step(key, run=None, *, ability="clock", kinds=VERIFY):
    made = controller_step(key, NoArgs, ability=ability, kinds=kinds)
    return made if run is None else replace(made, run=run)


TABLE = {
    made.key: made
    for made in (
        step("bios.verify_settings"),
        step("management.verify_clock"),
        step("power.verify_supply", ability="supply"),
        step("bios.apply", kinds=MANY),
    )
}


def chosen(description=None, **priorities):
    node = make_node(step_priorities=StepPriorities(verify=priorities.get("verify", {})))
    return [found.key for found in verify_steps(node, description, TABLE)]


def test_the_interface_decides_on_a_tie():
    assert chosen() == ["power.verify_supply", "management.verify_clock", "bios.verify_settings"]


def test_what_the_controller_lacks_is_not_verified():
    assert chosen({"abilities": ["clock"]}) == ["management.verify_clock", "bios.verify_settings"]


def test_the_operator_sets_priorities():
    wanted = {"bios.verify_settings": 5, "management.verify_clock": 0}
    assert chosen(verify=wanted) == ["bios.verify_settings", "power.verify_supply"]


async def test_warnings_come_back_and_the_first_failure_ends_it():
    ran = []

    async def warns(ports, _args):
        ran.append(await ports.driver.power.state())
        ports.warn("the clock is 3 s slow")

    async def fails(_ports, _args):
        raise BmctlError("the clock is a year slow", hint="set it")

    driver = driver_of(FakeMachine(name="n1"))
    good, bad = step("management.verify_clock", warns), step("bios.verify_settings", fails)
    assert await verify(make_node(), driver, (good,)) == ("the clock is 3 s slow",)
    with pytest.raises(BmctlError) as caught:
        await verify(make_node(), driver, (bad, good))
    assert caught.value.message == "bios.verify_settings: the clock is a year slow"
    assert caught.value.hint == "set it; to do without: step_priorities: {verify: {bios.verify_settings: 0}}"
    assert len(ran) == 1


async def test_a_verify_step_cannot_touch_more_than_the_controller():
    async def reaches(ports, _args):
        await ports.agent.status()

    with pytest.raises(BmctlError, match="may touch the controller alone"):
        await verify(make_node(), driver_of(FakeMachine(name="n1")), (step("bios.verify_settings", reaches),))
