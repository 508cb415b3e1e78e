"""A machine out of use: cleaned by itself and by given steps, held, looked at, and given up on the way."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from bmctl.lab import machines
from bmctl.model.firmware import PowerState

pytestmark = pytest.mark.e2e
NODE = "n1"
MIB = 2**20
ERASE_METADATA = "agent.run_step:deploy.erase_devices_metadata"
ERASE = "agent.run_step:deploy.erase_devices"
PSTORE = "agent.run_step:deploy.erase_pstore"


@pytest.fixture
def site(make_site, lab):
    site = make_site(lab)
    assert site.run("enroll", NODE, "--no-dns").code == 0
    return site


def run_here(*words) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def used_disk(lab, tmp_path):
    """The first disk of the machine, with a partition table and a filesystem of somebody's."""
    disk, raw = Path(lab.node(NODE).disk), tmp_path / "used.raw"
    with raw.open("wb") as file:
        file.truncate(8 * 2**30)
    table = "label: gpt\nstart=2048,size=131072,name=somebodys\n"
    subprocess.run(("sfdisk", "--quiet", raw), input=table, check=True, capture_output=True, text=True)
    run_here("mkfs.ext4", "-q", "-F", "-E", f"offset={MIB}", raw, "60M")
    run_here("qemu-img", "convert", "-O", "qcow2", raw, disk)
    raw.unlink()
    return disk


def signatures(disk: Path, tmp_path: Path) -> set[str]:
    """What is known by its signature on a disk and where its first partition was."""
    raw = tmp_path / "looked-at.raw"
    run_here("qemu-img", "convert", "-O", "raw", disk, raw)
    found = set()
    for offset in (0, MIB):
        # It fails where there is nothing.
        words = ("blkid", "--probe", "--offset", str(offset), str(raw))
        said = subprocess.run(words, check=False, capture_output=True, text=True).stdout
        found |= set(re.findall(r'TYPE="(\w+)"', said))
    raw.unlink()
    return found


def test_a_clean_that_is_killed_and_resumed_wipes_signatures(site, used_disk, tmp_path):
    assert signatures(used_disk, tmp_path) == {"gpt", "ext4"}

    refused = site.run("clean", NODE)
    assert refused.code == 3, refused.err
    assert "deploy.erase_devices_metadata" in refused.err
    assert "--yes" in refused.err

    site.kill_when(ERASE_METADATA, "started", "clean", NODE, "--yes")
    assert site.node(NODE)["provision_state"] in {"cleaning", "clean wait"}
    ended = site.run("resume", NODE, seconds=900)

    assert ended.code == 0, ended.err
    assert site.node(NODE)["provision_state"] == "available"
    site.assert_released(NODE)
    assert signatures(used_disk, tmp_path) == set()
    assert site.done().count("power.power_on") == 1, "the ramdisk that was up was used"
    what_is_wrong_in_templates_is_told_with_its_place(site)
    a_hold_before_the_ramdisk_can_be_aborted(site)


def what_is_wrong_in_templates_is_told_with_its_place(site) -> None:
    """The agent's steps are remembered now, so that the plan knows."""
    steps = [
        {"interface": "deploy", "step": "clean_uefi_nvrom", "priority": 90},
        {"interface": "deploy", "step": "erase_devices_metadata", "priority": 85, "args": {"depth": 2}},
        {"interface": "deploy", "step": "clean_uefi_nvram", "priority": 20},
    ]
    ended = plan_with(site, *steps)
    assert place_of(site, ended.err, "there is no deploy step deploy.clean_uefi_nvrom").startswith(
        "clean_uefi_nvrom"
    )
    assert 'did you mean "deploy.clean_uefi_nvram"' in ended.err
    assert place_of(site, ended.err, 'takes no arguments, not "depth" either').startswith("depth: 2")
    assert place_of(site, ended.err, "must be from 41 to 99, not 20").startswith("clean_uefi_nvram")
    again = {"interface": "deploy", "step": "clean_uefi_nvram", "priority": 60}
    ended = plan_with(site, again, again)
    assert place_of(site, ended.err, "stands in this template already").startswith("clean_uefi_nvram")
    ended = plan_with(site, {**again, "priority": -5})
    assert place_of(site, ended.err, '"-5" is not a priority').startswith("-5")
    site.write_inventory()


def plan_with(site, *steps):
    site.write_inventory(lambda document: add_template(document, NODE, "CUSTOM_WRONG", *steps))
    ended = site.run("plan", NODE)
    assert ended.code == 3, ended.err
    return ended


def add_template(document, name: str, trait: str, *steps) -> None:
    document.setdefault("templates", {})[trait] = {"steps": list(steps)}
    node = next(node for node in document["nodes"] if node["name"] == name)
    node.setdefault("traits", []).append(trait)
    node["instance"].setdefault("traits", []).append(trait)


def place_of(site, said: str, words: str) -> str:
    """The text of the inventory at the place of the complaint that has these words."""
    (line,) = (line for line in said.splitlines() if words in line)
    match = re.search(r"inventory\.yaml:(\d+):(\d+): ", line)
    assert match is not None, line
    row, column = map(int, match.groups())
    return site.inventory.read_text().splitlines()[row - 1][column - 1 :]


def a_hold_before_the_ramdisk_can_be_aborted(site) -> None:
    held = site.run("clean", NODE, "--yes", "--step", "hold", "--step", "deploy.erase_devices_metadata")
    assert held.code == 6, held.err
    assert site.node(NODE)["provision_state"] == "clean hold"
    ended = site.run("abort", NODE)
    assert ended.code == 0, ended.err
    assert site.node(NODE)["provision_state"] == "clean failed"
    site.assert_released(NODE)


def test_manual_cleaning_holds_between_its_steps_and_goes_on_although_killed(site):
    words = ("--step", "deploy.erase_pstore", "--step", "hold", "--step", "deploy.erase_devices_metadata")
    held = site.run("clean", NODE, "--yes", *words, seconds=900)

    assert held.code == 6, held.err
    assert "bmctl unhold n1" in held.err
    node = site.node(NODE)
    assert (node["provision_state"], node["held_by"]) == ("clean hold", None)
    assert site.power(NODE) is PowerState.ON
    assert agent_answers(site)
    what_the_agent_offers_is_what_is_listed(site)

    site.kill_when(ERASE_METADATA, "started", "unhold", NODE)
    ended = site.run("resume", NODE, seconds=900)

    assert ended.code == 0, ended.err
    assert site.node(NODE)["provision_state"] == "manageable"
    site.assert_released(NODE)
    done = site.done()
    assert done.index(PSTORE) < done.index("reserved.hold") < done.index(ERASE_METADATA)
    assert done.count("power.power_on") == 1


def agent_answers(site) -> bool:
    """Whether the ramdisk's agent accepts connections."""
    ask = f"import socket; socket.create_connection(({site.lab.node(NODE).address!r}, 9999), 10).close()"
    return subprocess.run(site.among("python3", "-c", ask), check=False).returncode == 0


def what_the_agent_offers_is_what_is_listed(site) -> None:
    """The journal has the agent's own answer."""
    listed = json.loads(site.run("steps", NODE, "--json").out)
    for kind, listing in site.learnt("listings")[-1].items():
        told = {(step["interface"], step["step"]) for step in listing["steps"]}
        ours = {(step["interface"], step["step"]) for step in listed["steps"] if step["kind"] == kind}
        from_agent = {
            (step["interface"], step["step"])
            for step in listed["steps"]
            if (step["kind"], step["source"]) == (kind, "agent")
        }
        assert from_agent <= told <= ours


def test_an_abort_ends_a_clean_in_the_middle_of_erasing(site):
    with site.start("clean", NODE, "--yes", "--step", "deploy.erase_devices") as cleaning:
        cleaning.wait_for(lambda: site.marked(ERASE, "started"), 600)
        asked = site.run("abort", NODE)
        ended = cleaning.end(60)

    assert asked.code == 0, asked.err
    assert "clean failed" in asked.out
    assert ended.code == 1, ended.err
    assert "aborted during" in ended.err
    assert site.node(NODE)["provision_state"] == "clean failed"
    site.assert_released(NODE)
    assert site.controller(NODE)["Boot"]["BootSourceOverrideEnabled"] != "Once"
    over = site.run("resume", NODE)
    assert over.code == 3, over.err


def test_an_inspection_that_is_killed_and_resumed_knows_the_machine(site):
    site.kill_when("agent.look_at_disks", "started", "inspect", NODE)
    ended = site.run("resume", NODE, seconds=900)

    assert ended.code == 0, ended.err
    assert site.node(NODE)["provision_state"] == "available"
    site.assert_released(NODE)
    found = json.loads(site.run("node", "inventory", NODE, "--json").out)
    node = site.lab.node(NODE)
    assert {nic["mac_address"] for nic in found["hardware"]["interfaces"]} >= {node.macs[0]}
    assert len(found["disks"]) == 1 + len(node.more_disks)
    assert found["properties"]["cpu_arch"] == "x86_64"
    assert "HW_ARCH_X86_64" in found["traits"]
    assert machines.power_state(site.lab, node) is PowerState.OFF
