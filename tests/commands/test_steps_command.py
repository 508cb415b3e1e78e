"""`bmctl steps`, with what is remembered of an agent."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))  # for the released agent's steps
from offered_steps import RELEASED_AGENT

from bmctl.flows.remembered import remember
from bmctl.model.steps import ReservedStep
from bmctl.store.filestore import open_store
from bmctl.store.record import update_node

DIGEST = "3f2a" * 16


@pytest.fixture
def told(place):
    """Lets n1's record hold what an agent told in a ramdisk that is not here any more."""

    def tell(digest=DIGEST, kinds=("clean", "deploy", "service"), ago=3 * 3600 + 5):
        def change(record):
            listings = remember(
                record.listings,
                digest=digest,
                agent="13.0.0",
                told={kind: RELEASED_AGENT[kind] for kind in kinds},
                now=time.time() - ago,
            )
            return replace(record, listings=listings)

        update_node(open_store(place.path / "state"), "n1", change)

    return tell


def listed(done, kind="clean"):
    return {step["step"]: step for step in json.loads(done.stdout)["steps"] if step["kind"] == kind}


def test_steps_of_an_agent_with_where_and_when_they_were_learnt(place, told):
    told()
    done = place.run("steps", "n1", "--kind", "clean")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    first = " ".join(lines[2].split())
    assert first == "deploy.erase_devices_metadata 99 agent destroys data, in ramdisk, abortable"
    assert "agent: 13.0.0 in ramdisk 3f2a3f2a3f2a, learnt 3 h 0 min ago" in lines


def test_json_has_every_step_of_every_kind(place, told):
    told()
    done = place.run("steps", "n1", "--json")
    for kind in ("clean", "service"):
        found = listed(done, kind)
        # A step that both have is the controller's.
        assert {step["step"] for step in RELEASED_AGENT[kind]["steps"]} <= set(found)
        assert found["burnin_cpu"]["source"] == "agent"
        assert found["apply_configuration"]["source"] == "controller"
        assert set(ReservedStep) <= set(found)
    assert listed(done, "deploy")["write_image"]["source"] == "core"
    assert json.loads(done.stdout)["ramdisk"] == DIGEST
    only = json.loads(place.run("steps", "n1", "--json", "--kind", "clean").stdout)["steps"]
    assert {step["kind"] for step in only} == {"clean"}


def test_an_agent_that_was_never_asked_is_said_so(place):
    done = place.run("steps", "n1", "--kind", "clean")
    assert "agent: never asked" in done.stdout
    assert "to ask: bmctl enroll n1" in done.stdout
    assert not (place.path / "state").exists()


def test_a_kind_that_was_not_asked_for_is_said_so(place, told):
    told(kinds=("deploy",))
    assert "not asked yet for its steps for clean, service" in place.run("steps", "n1").stdout


def test_each_ramdisk_has_its_own(place, told, with_ramdisk):
    told("aaaa" * 16)
    told("bbbb" * 16)
    with_ramdisk()
    done = place.run("steps", "n1")
    assert "bmctl steps n1 --all-ramdisks" in done.stdout
    both = json.loads(place.run("steps", "n1", "--all-ramdisks", "--json").stdout)
    assert [one["ramdisk"] for one in both] == ["aaaa" * 16, "bbbb" * 16]
    assert place.run("steps", "n1", "--all-ramdisks").stdout.count("learnt 3 h 0 min ago") == 2


def test_what_the_operator_set_is_shown(place, told):
    told()
    text = (place.path / "inventory.yaml").read_text()
    more = (
        "    group: left\n"
        "    step_priorities: {clean: {deploy.erase_pstore: 200}}\n"
        "    disallowed_steps: [deploy.burnin_disk]\n"
    )
    place.write("inventory.yaml", text.replace("    group: left\n", more))
    shown = place.run("steps", "n1", "--kind", "clean").stdout.splitlines()
    assert shown[2].split()[:4] == ["deploy.erase_pstore", "200", "(default", "0)"]
    assert any("deploy.burnin_disk" in line and "disallowed" in line for line in shown)


def test_one_step(place, told):
    told()
    done = place.run("steps", "show", "n1", "deploy.clean_uefi_nvram")
    assert "what it does: deletes boot entries" in done.stdout
    assert "clean (priority 0), deploy (priority 0)" in done.stdout
    assert "match_patterns" in done.stdout
    shown = json.loads(place.run("steps", "show", "n1", "hold", "--json").stdout)
    assert [step["kind"] for step in shown] == ["clean", "deploy", "service"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["n1", "deploy.erase_device"], 'did you mean "deploy.erase_devices"?'),
        (["n1", "raid.apply_configuratoin"], 'did you mean "raid.apply_configuration"?'),
        (["deploy.erase_devices"], "hint: see: bmctl steps show NODE deploy.erase_devices"),
        (["n9", "deploy.erase_devices"], "n9"),
    ],
)
def test_a_step_that_is_not_known(place, told, words, says):
    told()
    done = place.run("steps", "show", *words)
    assert done.returncode == 3
    assert says in done.stderr


def test_without_a_node_there_are_the_steps_of_controllers(place):
    done = place.run("steps")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("STEP")
    assert "bmctl steps NODE" in done.stdout
