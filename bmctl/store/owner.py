"""Which process holds a lock, and whether it still lives. Facts are from proc(5)."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from bmctl.store.interface import Owner

_PROC = Path("/proc")
_DEAD_STATES = ("Z", "X", "x")


def this_process(command: str, *, since: float) -> Owner:
    """The calling process as an owner; `command` is what a person would recognise it by."""
    pid = os.getpid()
    return Owner(
        host=socket.gethostname(),
        machine=_first_line(Path("/etc/machine-id")),
        boot=_first_line(_PROC / "sys/kernel/random/boot_id"),
        space=_pid_namespace(),
        pid=pid,
        started=_start_of(pid) or 0,
        command=command,
        since=since,
    )


def is_visible(owner: Owner, here: Owner) -> bool:
    """Whether the process `here` can tell if `owner` lives: same machine, and not in another container."""
    if (owner.host, owner.machine) != (here.host, here.machine):
        return False
    return owner.boot != here.boot or owner.space == here.space


def is_alive(owner: Owner, here: Owner) -> bool:
    """Whether a visible owner's very process still runs."""
    return owner.boot == here.boot and _start_of(owner.pid) == owner.started


def _start_of(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None if it has ended."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name may hold spaces and brackets: fields are counted after its last bracket.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in _DEAD_STATES else int(fields[19])


def _pid_namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
