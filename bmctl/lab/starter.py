"""The starter's side of a capsule: making its namespaces, talking with it while it builds the lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO

from bmctl.errors import BmctlError
from bmctl.lab.network import uplink_commands
from bmctl.lab.processes import collect, end_process, first_of_namespace, start_time
from bmctl.lab.record import Lab
from bmctl.lab.requirements import SEARCH_PATH, find_program

NAMESPACE_SECONDS = 10.0
END_SECONDS = 20.0
POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedCapsule:
    """A capsule being built: its two processes (`holder` waits outside for `pid`), and its two pipes."""

    pid: int
    start_time: int
    holder_pid: int
    holder_start_time: int
    words: IO[str]
    reports: IO[str]

    def send(self, word: str) -> None:
        """Let the capsule go on."""
        self.words.write(f"{word}\n")
        self.words.flush()

    def stages(self) -> Iterator[str]:
        """The stages as they begin, until the lab is ready; raises BmctlError where it fails."""
        for line in self.reports:
            report = json.loads(line)
            if "ready" in report:
                return
            if "error" in report:
                raise BmctlError(f"the lab did not start: {report['error']}")
            yield report["stage"]
        raise BmctlError("the lab's first process ended while it was starting")


@contextmanager
def start_capsule(lab: Lab) -> Iterator[StartedCapsule]:
    """Start a capsule for the block that builds it; it lives on only if the block ends well."""
    with ExitStack() as stack:
        capsule_in, words = os.pipe()
        stack.callback(os.close, capsule_in)
        stream = stack.enter_context(os.fdopen(words, "w"))
        reports, capsule_out = os.pipe()
        reader = stack.enter_context(os.fdopen(reports, "r"))
        with lab.path("log/capsule.log").open("ab") as log:
            holder_pid = _spawn(lab, capsule_in, capsule_out, log.fileno())
        os.close(capsule_out)
        holder_start = start_time(holder_pid) or 0
        pid = 0
        started = 0
        try:
            pid, started = _first_process(lab, holder_pid)
            yield StartedCapsule(
                pid=pid,
                start_time=started,
                holder_pid=holder_pid,
                holder_start_time=holder_start,
                words=stream,
                reports=reader,
            )
        except BaseException:
            if pid:
                end_process(pid, started, END_SECONDS)
            end_process(holder_pid, holder_start, END_SECONDS)
            collect(holder_pid)
            raise


def join_host(lab: Lab) -> None:
    """Make the host's end of the lab's link, where it has one."""
    for command in uplink_commands(lab.network, lab.pid):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            words = done.stderr.strip() or "it said nothing"
            raise BmctlError(f"this host cannot join the lab: {' '.join(command[:4])} failed: {words}")


def capsule_command(lab: Lab) -> tuple[str, ...]:
    """The command line that makes the namespaces and runs the capsule as their first process."""
    namespaces = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net"]
    if lab.user_namespace:
        namespaces += ["--user", "--map-root-user", "--map-auto"]
    return ("unshare", *namespaces, sys.executable, "-P", "-m", "bmctl.lab.capsule", lab.directory)


def _spawn(lab: Lab, stdin: int, stdout: int, stderr: int) -> int:
    """Start the holder in a session of its own, so that a Ctrl-C meant for the starter misses it."""
    program = find_program("unshare") or "unshare"
    actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)]
    actions.append((os.POSIX_SPAWN_DUP2, stderr, 2))
    environment = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "HOME": lab.directory}
    return os.posix_spawn(program, capsule_command(lab), environment, file_actions=actions, setsid=True)


def _first_process(lab: Lab, holder_pid: int) -> tuple[int, int]:
    """The pid, as seen from here, and the start time of the first process in the namespaces."""
    deadline = time.monotonic() + NAMESPACE_SECONDS
    while time.monotonic() < deadline:
        if (pid := first_of_namespace(holder_pid)) is not None and (started := start_time(pid)) is not None:
            return pid, started
        if start_time(holder_pid) is None:
            raise BmctlError(
                f"the lab's namespaces could not be made: {_complaint(lab)}",
                hint="a normal user needs ranges in /etc/subuid and /etc/subgid, and user namespaces allowed",
            )
        time.sleep(POLL_SECONDS)
    raise BmctlError(f"the lab's namespaces were not ready after {NAMESPACE_SECONDS:.0f} s")


def _complaint(lab: Lab) -> str:
    lines = lab.path("log/capsule.log").read_text(errors="replace").strip().splitlines()
    return lines[0] if lines else "unshare said nothing"
