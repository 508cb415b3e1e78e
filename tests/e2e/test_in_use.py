"""A machine in use: deployed by templates, serviced by a runbook, rescued, and in use again each time."""

from __future__ import annotations

import base64
import json
import re
import subprocess

import pytest

from bmctl.lab import machines
from bmctl.model.firmware import PowerState

pytestmark = pytest.mark.e2e
NODE = "n2"
FRESH, TRUSTING = "CUSTOM_FRESH_NVRAM", "CUSTOM_TRUSTING"
CLEAN_NVRAM = "agent.run_step:deploy.clean_uefi_nvram"
INJECT = "agent.run_step:deploy.inject_files"
BIOS = "bios.apply_configuration"
SETTING = "ProcTurboMode"
SERVED = "/etc/serviced"
TEXT = "by a runbook\n"
TEMPLATES = {
    FRESH: {"steps": [{"interface": "deploy", "step": "clean_uefi_nvram", "priority": 90}]},
    TRUSTING: {"steps": [{"interface": "deploy", "step": "prepare_instance_boot", "priority": 0}]},
}
RUNBOOK = {
    "traits": [FRESH],
    "steps": [
        {
            "interface": "deploy",
            "step": "inject_files",
            "args": {
                "files": [
                    {
                        "path": SERVED,
                        "partition": 2,
                        "content": base64.b64encode(TEXT.encode()).decode(),
                    }
                ]
            },
        },
        {"step": "wait", "args": {"seconds": 2}},
        {
            "interface": "bios",
            "step": "apply_configuration",
            "args": {"settings": [{"name": SETTING, "value": "Disabled"}]},
        },
        {"step": "reboot"},
    ],
}


def with_steps(document, *traits: str) -> None:
    document["templates"] = TEMPLATES
    document["runbooks"] = {"refresh": RUNBOOK}
    (node,) = (node for node in document["nodes"] if node["name"] == NODE)
    node["traits"] = [FRESH, TRUSTING, "CUSTOM_WRONG"]
    node["instance"]["traits"] = list(traits)


def with_wrong_step(document) -> None:
    """A step that only the agent can tell to be none."""
    with_steps(document, "CUSTOM_WRONG")
    wrong = {"interface": "deploy", "step": "clean_uefi_nvrom", "priority": 90}
    document["templates"] = {**TEMPLATES, "CUSTOM_WRONG": {"steps": [wrong]}}


@pytest.fixture
def site(make_site, lab):
    return make_site(lab)


def test_a_machine_is_deployed_by_templates_serviced_and_rescued(site):
    a_template_that_the_agent_cannot_follow_is_refused_before_anything_is_written(site)
    two_templates_are_followed_as_planned(site)
    a_service_that_is_killed_and_resumed_leaves_the_machine_in_use(site)
    a_rescue_that_is_killed_and_resumed_lets_one_log_in(site)
    the_machine_comes_back_from_rescue(site)
    a_service_that_is_aborted_leaves_the_machine_in_use(site)


def a_template_that_the_agent_cannot_follow_is_refused_before_anything_is_written(site) -> None:
    site.write_inventory(with_wrong_step)
    assert site.run("plan", NODE).code == 0, "nobody knows better yet"
    ended = site.run("deploy", NODE, seconds=900)
    assert ended.code == 1, ended.err
    assert re.search(r"inventory\.yaml:\d+:\d+: template CUSTOM_WRONG: there is no deploy step", ended.err)
    assert site.done()[-1] == "agent.get_steps"
    assert not site.marked("deploy.write_image", "started")
    assert site.node(NODE)["provision_state"] == "deploy failed"
    site.assert_released(NODE)
    assert site.run("plan", NODE).code == 3, "the agent has told"


def two_templates_are_followed_as_planned(site) -> None:
    site.write_inventory(lambda document: with_steps(document, FRESH, TRUSTING))
    (plan,) = json.loads(site.run("plan", NODE, "--json").out)
    tasks = {task["task"]: task for task in plan["tasks"]}
    assert tasks[CLEAN_NVRAM]["origin"] == f"template {FRESH}"
    assert "deploy.prepare_instance_boot" not in tasks
    assert f"deploy.prepare_instance_boot: disabled by template {TRUSTING}" in plan["notes"]
    assert list(tasks).index(CLEAN_NVRAM) < list(tasks).index("deploy.write_image")

    ended = site.run("deploy", NODE, seconds=900)

    assert ended.code == 0, ended.err
    assert site.done() == list(tasks)
    is_in_use(site)


def assert_active(site) -> None:
    node = site.node(NODE)
    assert (node["provision_state"], node["held_by"]) == ("active", None)
    assert site.power(NODE) is PowerState.ON
    assert site.medium(NODE) is None


def is_in_use(site) -> None:
    """It is as an active node is, and its own system answers."""
    assert_active(site)
    assert site.ssh(site.lab.node(NODE).address, "hostname") == NODE


def a_service_that_is_killed_and_resumed_leaves_the_machine_in_use(site) -> None:
    (plan,) = json.loads(site.run("plan", NODE, "--for", "service", "--runbook", "refresh", "--json").out)
    assert {task["origin"] for task in plan["tasks"]} == {"core", "runbook refresh"}
    site.kill_when(INJECT, "started", "service", NODE, "--runbook", "refresh", "--yes")
    site.kill_when(BIOS, "started", "resume", NODE)
    ended = site.run("resume", NODE, seconds=900)

    assert ended.code == 0, ended.err
    assert list(dict.fromkeys(site.done())) == [task["task"] for task in plan["tasks"]]
    is_in_use(site)
    assert site.ssh(site.lab.node(NODE).address, f"cat {SERVED}") == TEXT.strip()


def a_service_that_is_aborted_leaves_the_machine_in_use(site) -> None:
    held = site.run("service", NODE, "--yes", "--step", "power_off", "--step", "hold", seconds=300)
    assert held.code == 6, held.err
    assert site.node(NODE)["provision_state"] == "service hold"
    assert site.power(NODE) is PowerState.OFF
    ended = site.run("abort", NODE)
    assert ended.code == 0, ended.err
    # Its system is on its way.
    assert_active(site)


def a_rescue_that_is_killed_and_resumed_lets_one_log_in(site) -> None:
    site.kill_when("rescue.finalize", "started", "rescue", NODE)
    ended = site.run("resume", NODE, seconds=900)
    assert ended.code == 0, ended.err
    node = site.node(NODE)
    assert (node["provision_state"], node["held_by"]) == ("rescue", None)
    assert drive_after_restart(site) == ""
    told = (site.state / "runs" / node["run"] / "events.jsonl").read_text()
    assert "did not shut down by itself" not in told
    match = re.search(r"ssh rescue@(\S+)  password (\S+)", ended.out)
    assert match is not None, ended.out
    look = "id -u; dd if=/dev/vda bs=512 skip=1 count=1 2>/dev/null | head -c 8"
    assert as_rescue(site, *match.groups(), look).split("\n") == ["0", "EFI PART"]


def drive_after_restart(site) -> str:
    """The virtual drive that the machine will have when it is switched on next, if one.

    The emulator does not take a medium out of a machine that runs.
    """
    words = (*machines.VIRSH, "domblklist", NODE, "--inactive", "--details")
    listing = machines.run_inside(site.lab, words)
    return "".join(line for line in listing.splitlines() if "cdrom" in line and not line.endswith(" -"))


def as_rescue(site, address: str, password: str, command: str) -> str:
    """What a command says in the rescue system."""
    asked = site.path / "ask-password"
    asked.write_text(f"#!/bin/sh\necho '{password}'\n")
    asked.chmod(0o700)
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=60")
    words = ["env", f"SSH_ASKPASS={asked}", "SSH_ASKPASS_REQUIRE=force", "ssh", "-q"]
    words += [word for option in options for word in ("-o", option)]
    done = subprocess.run(
        site.among(*words, f"rescue@{address}", command),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    asked.unlink()
    assert done.returncode == 0, done.stderr
    return done.stdout


def the_machine_comes_back_from_rescue(site) -> None:
    ended = site.run("unrescue", NODE, seconds=900)
    assert ended.code == 0, ended.err
    is_in_use(site)
