"""bmctl's hardware manager inside the released agent: found by it, and in nobody's way."""

from __future__ import annotations

import importlib.resources
import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.peer
ASK = """
import json
from ironic_python_agent import config, hardware
config.cfg.CONF([], project="ironic-python-agent")
config.cfg.CONF.set_override("disk_wait_attempts", 0)
own = next(one for one in hardware.get_managers() if type(one).__name__ == "BmctlHardwareManager")
print(json.dumps({
    "managers": [type(manager).__name__ for manager in hardware.get_managers()],
    "steps": hardware.deduplicate_steps(hardware.dispatch_to_all_managers("get_deploy_steps", {}, [])),
    "versions": hardware.get_current_versions(),
    "answers": sorted(set(dir(own)) & set(dir(hardware.GenericHardwareManager)) - set(dir(object))),
}))
"""


@pytest.fixture(scope="module")
def answer(agent_environment, tmp_path_factory) -> dict:
    """What the agent says when the ramdisk's own files lie beside it."""
    site = tmp_path_factory.mktemp("site")
    own = Path(str(importlib.resources.files("bmctl.ramdisk")))
    shutil.copytree(own / "inside", site / "bmctl_ramdisk")
    for found in (own / "rootfs/usr/lib/python3/dist-packages").iterdir():
        shutil.copytree(found, site / found.name)
    done = subprocess.run(
        [agent_environment / "bin/python", "-c", ASK],
        env={"PYTHONPATH": str(site), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(site)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_the_agent_finds_the_manager_and_reports_its_version(answer):
    assert {"BmctlHardwareManager", "GenericHardwareManager"} <= set(answer["managers"])
    assert answer["versions"]["bmctl"] == "1.0"
    assert "generic_hardware_manager" in answer["versions"]


def test_its_steps_stand_beside_the_generic_ones(answer):
    own = [step["step"] for step in answer["steps"]["BmctlHardwareManager"]]
    assert own == ["read_back", "list_disks", "erase_signatures"]
    generic = {step["step"] for step in answer["steps"]["GenericHardwareManager"]}
    assert {"write_image", "erase_devices_metadata", "apply_configuration"} <= generic


def test_it_answers_nothing_in_the_generic_ones_place(answer):
    asked_of_all = {"evaluate_hardware_support", "get_deploy_steps", "get_version", "initialize"}
    assert {name for name in answer["answers"] if not name.startswith("_") and name.islower()} == asked_of_all
