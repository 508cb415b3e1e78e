"""Looking at and into a running lab from outside: commands in it, power, screens, consoles."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bmctl.errors import BmctlError
from bmctl.lab.inside import inside_command
from bmctl.lab.record import Lab, LabNode
from bmctl.model.firmware import PowerState

VIRSH = ("virsh", "--quiet", "--connect", "qemu:///system")
COMMAND_SECONDS = 30.0
STATES = {"running": PowerState.ON, "shut off": PowerState.OFF, "in shutdown": PowerState.POWERING_OFF}


def console_command(lab: Lab, node: LabNode) -> tuple[str, ...]:
    """The command line that connects a terminal to a machine's serial console."""
    virsh = ("virsh", "--connect", "qemu:///system")
    return inside_command(lab, (*virsh, "console", "--force", node.name), mounts=True)


def run_inside(lab: Lab, command: tuple[str, ...], *, text: str = "") -> str:
    """What a short command says when run inside the lab with `text` as input; BmctlError where it fails."""
    name = " ".join(command[:4])
    try:
        done = subprocess.run(
            inside_command(lab, command, mounts=True),
            input=text,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BmctlError(f"{name} did not end within {COMMAND_SECONDS:.0f} s inside the lab") from error
    if done.returncode != 0:
        words = (done.stderr.strip() or "it said nothing").splitlines()[0]
        raise BmctlError(f"{name} failed inside the lab: {words}", hint="see `bmctl lab status`")
    return done.stdout


def power_state(lab: Lab, node: LabNode) -> PowerState:
    """A machine's power as libvirt knows it, past the controller."""
    said = run_inside(lab, (*VIRSH, "domstate", node.name)).strip()
    return STATES.get(said, PowerState.UNKNOWN)


def write_screenshot(lab: Lab, node: LabNode, target: Path) -> None:
    """Write a running machine's screen as an image file (PPM or PNG, as QEMU makes it)."""
    run_inside(lab, (*VIRSH, "screenshot", node.name, "--file", str(target.absolute())))


def serial_text(node: LabNode) -> str:
    """All that a machine has written to its serial port since the lab came up."""
    try:
        return Path(node.serial_log).read_text(errors="replace")
    except FileNotFoundError:
        return ""
