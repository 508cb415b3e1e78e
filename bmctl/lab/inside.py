"""Running a command among a lab's machines."""

from __future__ import annotations

from collections.abc import Sequence

from bmctl.errors import BmctlError
from bmctl.lab.record import Lab, LabState
from bmctl.lab.requirements import find_program


def inside_command(lab: Lab, arguments: Sequence[str], *, mounts: bool = False) -> tuple[str, ...]:
    """The command line that runs `arguments` in the lab's network, and as its root where that is not ours.

    Files stay those of the host, unless the lab's own `mounts` are asked for: these hold its libvirt, and
    the command then starts in `/`. Processes see each other as on the host, so a command that outlives the
    lab's end has to be ended by whoever started it. BmctlError where the lab does not run.
    """
    if lab.state is not LabState.RUNNING:
        raise BmctlError(f"the lab {lab.name} does not run", hint="bring it up again with: bmctl lab up")
    program = find_program("nsenter") or "nsenter"
    user = ["--user", "--preserve-credentials"] if lab.user_namespace else []
    files = ["--mount", "--wd=/"] if mounts else []
    return (program, "--target", str(lab.pid), *user, "--net", *files, "--", *arguments)
