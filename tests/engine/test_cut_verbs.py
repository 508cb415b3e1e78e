"""The law of runs holds for every verb: killed anywhere and resumed, it ends where an uncut run ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from paper_agent import own_step, write_step
from paper_cuts import Cut
from paper_world import PaperWorld
from test_cut_anywhere import run_to_the_end

from bmctl.flows.request import Request, Verb
from bmctl.model.firmware import BootTarget, PowerState
from bmctl.model.steps import WantedStep

OFFERED = [
    write_step(),
    own_step("wipe", 90),
    own_step("look", 0),
    own_step("refresh", 80, interface="firmware", reboot=True),
    own_step("test", 70),
]


def wanted(*keys: str) -> tuple[WantedStep, ...]:
    found = []
    for key in keys:
        interface, _, step = key.rpartition(".")
        found.append(WantedStep(interface=interface or "deploy", step=step, origin="test"))
    return tuple(found)


VERBS = {
    "automated clean": Request(verb=Verb.PROVIDE),
    "manual clean": Request(
        verb=Verb.CLEAN,
        steps=wanted("deploy.look", "reboot", "deploy.wipe", "firmware.refresh", "deploy.look"),
    ),
    "clean without ramdisk": Request(verb=Verb.CLEAN, steps=wanted("power_off", "power_on", "reboot")),
    "service": Request(verb=Verb.SERVICE, steps=wanted("firmware.refresh", "deploy.look", "power_off")),
    "inspect": Request(verb=Verb.INSPECT),
    "steps": Request(verb=Verb.LEARN),
    "undeploy": Request(verb=Verb.UNDEPLOY),
}


def world_of(folder: Path, request: Request, **more: Any) -> PaperWorld:
    world = PaperWorld(folder, **more)
    world.offered, world.request = OFFERED, request
    world.machine.power = PowerState.ON
    return world


def state(world: PaperWorld) -> dict[str, Any]:
    return {**world.state(), "ran": world.ran}


@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_each_point(tmp_path, verb):
    whole = world_of(tmp_path, VERBS[verb])
    assert run_to_the_end(whole) == []
    for point in range(1, whole.cutter.passed + 1):
        world = world_of(tmp_path, VERBS[verb], cuts={point: Cut.KILL})
        run_to_the_end(world, idle=point % 4)
        where = whole.cutter.names[point - 1]
        assert state(world) == state(whole), f"killed at point {point}, {where}"


def test_what_each_verb_leaves(tmp_path):
    left = {}
    for name, request in VERBS.items():
        world = world_of(tmp_path, request)
        run_to_the_end(world)
        assert world.machine.image is None, name
        assert world.machine.override is None, name
        left[name] = (world.machine.power.value, world.ran)
    assert left == {
        "automated clean": ("off", ["wipe", "refresh", "test"]),
        "manual clean": ("off", ["look", "wipe", "refresh", "look"]),
        "clean without ramdisk": ("on", []),
        "service": ("on", ["refresh", "look"]),
        "inspect": ("on", []),
        "steps": ("on", []),
        "undeploy": ("off", ["wipe", "refresh", "test"]),
    }


def test_the_ramdisk_is_booted_only_where_a_step_needs_it(tmp_path):
    boots = {}
    for name, request in VERBS.items():
        world = world_of(tmp_path, request)
        run_to_the_end(world)
        boots[name] = sum(boot.target is BootTarget.CD for boot in world.machine.boots)
    assert boots == {
        "automated clean": 2,
        "manual clean": 3,
        "clean without ramdisk": 0,
        "service": 2,
        "inspect": 1,
        "steps": 1,
        "undeploy": 2,
    }
