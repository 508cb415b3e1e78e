"""A lab comes up with real parts, can be broken, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bmctl.errors import BmctlError, BusyError
from bmctl.lab import machines, traffic
from bmctl.lab.lifecycle import down, status, up
from bmctl.lab.record import LabOptions, LabState
from bmctl.lab.requirements import find_program, require_lab
from bmctl.model.firmware import BootMode, PowerState

pytestmark = pytest.mark.e2e
PROC = Path("/proc")


def missing() -> str | None:
    try:
        require_lab(BootMode.UEFI)
    except BmctlError as error:
        return str(error)
    return None


@pytest.fixture(autouse=True)
def possible():
    if (reason := missing()) is not None:
        pytest.skip(reason)


def wait_for(happened, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"nothing after {seconds} s"
        time.sleep(0.1)


def traces(directory: Path) -> list[str]:
    """Whatever still speaks of a lab: processes, interfaces, mounts, files."""
    found = [str(directory)] if directory.exists() else []
    found += [line for line in (PROC / "self/mounts").read_text().splitlines() if str(directory) in line]
    for entry in PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if any(str(directory) in word for word in words) and "pytest" not in " ".join(words):
                found.append(" ".join(words))
    return found


def interfaces() -> set[str]:
    return {entry.name for entry in Path("/sys/class/net").iterdir()}


def has_subordinate_ids() -> bool:
    ranges = Path("/etc/subuid")
    name = pwd.getpwuid(os.geteuid()).pw_name
    return ranges.exists() and any(line.startswith(f"{name}:") for line in ranges.read_text().splitlines())


@pytest.mark.parametrize("user_namespace", [False, True])
def test_a_machine_is_switched_on_through_its_controller(tmp_path, user_namespace):
    if user_namespace and not has_subordinate_ids():
        pytest.skip("this user has no range in /etc/subuid")
    if not user_namespace and os.geteuid() != 0:
        pytest.skip("only root joins the lab from outside")
    directory, before, stages = tmp_path / "lab", interfaces(), []
    try:
        lab = up(
            LabOptions(user_namespace=user_namespace), directory, lambda event: stages.append(event.stage)
        )
        assert stages[-1] == "controller"
        assert up(LabOptions(), directory, lambda _: None) == lab
        node = lab.nodes[0]
        assert machines.power_state(lab, node) is PowerState.OFF
        reset = f"{lab.controller_url}/redfish/v1/Systems/{node.uuid}/Actions/ComputerSystem.Reset"
        ask(lab, "POST", reset, '{"ResetType": "On"}')
        assert machines.power_state(lab, node) is PowerState.ON
        wait_for(lambda: "BdsDxe" in machines.serial_text(node), 120)
        machines.write_screenshot(lab, node, directory / "screen")
        assert (directory / "screen").stat().st_size > 0
        traffic.restrict(lab, (8000, 8010))
        assert traffic.counters(lab) == traffic.Traffic(opened_allowed=0, opened_other=0, packets_other=0)
        traffic.unrestrict(lab)
        assert json.loads(lab.request_log.read_text().splitlines()[-1])["node"] == "n1"
    finally:
        assert down(directory)
    assert traces(directory) == []
    assert interfaces() == before
    assert not down(directory)


def ask(lab, method: str, url: str, body: str) -> None:
    program = find_program("curl")
    if program is None:
        pytest.skip("curl is not installed")
    login = f"{lab.username}:{lab.password_file.read_text().strip()}"
    options = ("--silent", "--show-error", "--fail", "--cacert", str(lab.ca_file), "--user", login)
    header = ("--header", "Content-Type: application/json", "--data", body)
    machines.run_inside(lab, (program, *options, "--request", method, *header, url))


def test_a_killed_capsule_takes_everything_with_it(tmp_path):
    directory, before = tmp_path / "lab", interfaces()
    lab = up(LabOptions(), directory, lambda _: None)
    os.kill(lab.pid, signal.SIGKILL)
    wait_for(lambda: interfaces() == before, 20)
    assert status(directory).state is LabState.ENDED
    again = up(LabOptions(), directory, lambda _: None)
    assert again.pid != lab.pid
    assert down(directory)
    assert traces(directory) == []
    assert interfaces() == before


STARTER = """
import sys, time
from pathlib import Path
from bmctl.lab.lifecycle import up
from bmctl.lab.record import LabOptions
def tell(event):
    print(event.stage, flush=True)
    if event.stage == sys.argv[2]:
        time.sleep(60)
up(LabOptions(), Path(sys.argv[1]), tell)
"""


@pytest.mark.parametrize("stage", ["network", "libvirt", "controller"])
def test_a_killed_starter_leaves_only_its_directory(tmp_path, stage):
    directory, before = tmp_path / "lab", interfaces()
    command = [sys.executable, "-c", STARTER, str(directory), stage]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert any(line.strip() == stage for line in starter.stdout)
        with pytest.raises(BusyError):
            down(directory)
        starter.kill()
    wait_for(lambda: interfaces() == before, 60)
    assert down(directory)
    wait_for(lambda: traces(directory) == [], 20)


def test_a_directory_of_something_else_is_not_touched(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    with pytest.raises(BmctlError, match="something else"):
        up(LabOptions(), tmp_path, lambda _: None)
    with pytest.raises(BmctlError, match="not the directory of a lab"):
        down(tmp_path)
    assert precious.read_text() == "keep me"
