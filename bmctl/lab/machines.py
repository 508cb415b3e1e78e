"""Looking at and into a running lab from outside: commands in it, power, screens, consoles."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bmctl.errors import BmctlError
from bmctl.lab.record import Lab, LabNode
from bmctl.lab.requirements import find_program
from bmctl.model.firmware import PowerState

VIRSH = ("virsh", "--quiet", "--connect", "qemu:///system")
COMMAND_SECONDS = 30.0
STATES = {"running": PowerState.ON, "shut off": PowerState.OFF, "in shutdown": PowerState.POWERING_OFF}


def enter_command(lab: Lab, command: tuple[str, ...], *, directory: Path = Path("/")) -> tuple[str, ...]:
    """The command line that runs a command inside the lab, in its network and with its libvirt.

    `directory` is the working directory inside. Processes see each other as on the host, so a command
    that outlives the lab's end has to be ended by whoever started it.
    """
    namespaces = ["--mount", "--net"]
    if lab.user_namespace:
        namespaces += ["--user", "--preserve-credentials"]
    program = find_program("nsenter") or "nsenter"
    return (program, "--target", str(lab.pid), *namespaces, f"--wd={directory}", "--", *command)


def console_command(lab: Lab, node: LabNode) -> tuple[str, ...]:
    """The command line that connects a terminal to a machine's serial console."""
    return enter_command(lab, ("virsh", "--connect", "qemu:///system", "console", "--force", node.name))


def run_inside(lab: Lab, command: tuple[str, ...], *, text: str = "") -> str:
    """What a short command says when run inside the lab with `text` as input; BmctlError where it fails."""
    name = " ".join(command[:4])
    try:
        done = subprocess.run(
            enter_command(lab, command),
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
