"""`bmctl steps` among real parts: what agent and controller offer, and a machine that stays as it was."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))  # for the released agent's steps
from offered_steps import RELEASED_AGENT

from bmctl.flows.catalogue import controller_steps
from bmctl.ramdisk.inside.hardware_manager import STEPS as OWN_STEPS

pytestmark = pytest.mark.e2e
NODE = "n1"


@pytest.fixture
def site(make_site, lab):
    return make_site(lab)


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def listed(found: dict, kind: str, source: str) -> set[str]:
    return {
        f"{step['interface']}.{step['step']}"
        for step in found["steps"]
        if (step["kind"], step["source"]) == (kind, source)
    }


def test_what_agent_and_controller_offer_is_listed(site):
    assert site.run("enroll", NODE, "--no-dns").code == 0
    abilities = site.node(NODE)["description"]["abilities"]
    disks = (site.lab.node(NODE).disk, *site.lab.node(NODE).more_disks)
    before = [digest(disk) for disk in disks]

    ended = site.run("steps", NODE, "--live", "--json", seconds=900)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["agent_told"] == ["clean", "deploy", "service"]
    for kind, listing in RELEASED_AGENT.items():
        own = OWN_STEPS if kind == "deploy" else ()
        agent = {f"{step['interface']}.{step['step']}" for step in (*listing["steps"], *own)}
        agent -= listed(found, kind, "core") | listed(found, kind, "controller")
        assert listed(found, kind, "agent") == agent
        controller = {
            step.key
            for step, offer in controller_steps()
            if kind in offer.kinds and offer.ability in abilities
        }
        assert listed(found, kind, "controller") == controller
    assert all(step["destroys"] is not None for step in found["steps"])

    assert [digest(disk) for disk in disks] == before
    assert site.node(NODE)["provision_state"] == "available"
    site.assert_released(NODE)


def test_a_machine_in_use_is_not_asked(site):
    for verb in ("manage", "adopt"):
        assert site.run("node", verb, NODE).code == 0
    asked = len(site.requests())
    ended = site.run("steps", NODE, "--live")
    assert ended.code == 3, ended.err
    assert "a node that is active" in ended.err
    assert len(site.requests()) == asked
