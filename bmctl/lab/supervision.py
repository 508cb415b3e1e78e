"""What the first process of a capsule does for all others: start them, collect them, miss them.

Daemons leave their children to the first process. While libvirtd waits for a QEMU to vanish, somebody
must take its exit status, also in the middle of building the lab; so every wait here is for any child.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from bmctl.lab.network import Command

READY_SECONDS = 60.0
POLL_SECONDS = 0.02
# libvirt may probe a broken /dev/kvm for more than a minute.
COMMAND_SECONDS = 300.0
SHORTEST_PAUSE = 0.002
# virsh says first which command failed and then why.
WORDS = 2


class SetupError(Exception):
    """Building or keeping the lab failed; the text is for a person."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Starts commands and services; raises SetupError as soon as one is seen to have failed."""

    logs: Path
    environment: Mapping[str, str]
    services: dict[int, str] = field(default_factory=dict)

    def run(self, command: Command) -> None:
        """Run a command to its end; raise with its first words where it fails."""
        with TemporaryFile() as output:
            pid = self._spawn(command, output.fileno(), {})
            status = self._wait_for(pid, command)
            if status != 0:
                output.seek(0)
                lines = output.read().decode(errors="replace").strip().splitlines()
                words = "; ".join(lines[:WORDS]) or "it said nothing"
                name = " ".join(command[:4])
                raise SetupError(f"{name} failed with status {status}: {words}")

    def serve(self, name: str, command: Command, ready: Callable[[], bool], **environment: str) -> None:
        """Start a service and wait until it is ready."""
        with self._log(name).open("ab") as log:
            self.services[self._spawn(command, log.fileno(), environment)] = name
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            while self._collect(os.WNOHANG) is not None:
                pass
            if time.monotonic() > deadline:
                raise SetupError(f"{name} was not ready after {READY_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def watch(self) -> None:
        """Collect whatever ends; returns only by raising, when a service is among it."""
        while self._collect(0) is not None:
            pass

    def _spawn(self, command: Command, output: int, environment: Mapping[str, str]) -> int:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ]
        together = {**self.environment, **environment}
        try:
            return os.posix_spawnp(command[0], command, together, file_actions=actions)
        except OSError as error:
            raise SetupError(f"{command[0]} could not be started: {error.strerror}") from error

    def _wait_for(self, wanted: int, command: Command) -> int:
        """The exit code of a command; one that hangs, as a client of a dead service does, is killed."""
        deadline = time.monotonic() + COMMAND_SECONDS
        pause = SHORTEST_PAUSE
        while time.monotonic() < deadline:
            if (ended := self._collect(os.WNOHANG)) is None:
                time.sleep(pause)
                pause = min(pause * 2, POLL_SECONDS)
            elif ended[0] == wanted:
                return ended[1]
        os.kill(wanted, signal.SIGKILL)
        raise SetupError(f"{' '.join(command[:4])} did not end within {COMMAND_SECONDS:.0f} s")

    def _collect(self, options: int) -> tuple[int, int] | None:
        """The pid and exit code of one ended child; None where there is none."""
        try:
            pid, status = os.waitpid(-1, options)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        code = os.waitstatus_to_exitcode(status)
        if (name := self.services.get(pid)) is not None:
            lines = self._log(name).read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise SetupError(f"{name} ended with status {code}: {lines[-1]}")
        return pid, code

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"
