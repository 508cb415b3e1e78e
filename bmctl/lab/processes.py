"""Naming a process so that no other one is ever mistaken for it, and ending it."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot (proc(5) field 22); None where it is gone.

    A process that has ended and only waits to be collected counts as gone.
    """
    fields = _status_fields(pid)
    if fields is None or fields[0] in {"Z", "X"}:
        return None
    return int(fields[19])


def is_same(pid: int, started: int) -> bool:
    """Whether the process that had this pid at that time still lives."""
    return start_time(pid) == started


def first_of_namespace(parent: int) -> int | None:
    """The pid, as seen here, of the child that is the first process of a namespace; None while there is none.

    While unshare sets up identity maps it has other children too.
    """
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _status_fields(int(entry.name))
            if fields is not None and int(fields[1]) == parent and _is_first(int(entry.name)):
                return int(entry.name)
    return None


def _is_first(pid: int) -> bool:
    try:
        status = (PROC / str(pid) / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    pids = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
    return len(pids) > 1 and pids[-1] == "1"


def end_process(pid: int, started: int, timeout: float) -> bool:
    """Kill exactly that process and wait for its end; False where it outlived `timeout` seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        # The handle now names one process for good: only then is its start time compared.
        if not is_same(pid, started):
            return True
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        return bool(poller.poll(timeout * 1000))
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)


def collect(pid: int) -> None:
    """Take the exit status of an ended child of this process; nothing where it is another's."""
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _status_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat that follow the command's name, which may hold anything."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()
