"""Running a command among a lab's machines."""

from __future__ import annotations

from collections.abc import Sequence

from bmctl.errors import BmctlError
from bmctl.lab.record import Lab, LabState
from bmctl.lab.requirements import find_program


def inside_command(lab: Lab, arguments: Sequence[str]) -> tuple[str, ...]:
    """The command line that runs `arguments` in the lab's network, and as its root where that is not ours.

    Files stay those of the host: only the network is another.
    """
    if lab.state is not LabState.RUNNING:
        raise BmctlError(f"the lab {lab.name} does not run", hint="bring it up again with: bmctl lab up")
    program = find_program("nsenter") or "nsenter"
    namespaces = ["--user", "--preserve-credentials"] if lab.user_namespace else []
    return (program, "--target", str(lab.pid), *namespaces, "--net", "--", *arguments)
