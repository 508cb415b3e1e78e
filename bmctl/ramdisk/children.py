"""Other programs that a build runs: logged, ended when we end, named when they fail."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bmctl.errors import BmctlError

KEPT_OUTPUT = 20_000
"""Bytes of a program's output that the log keeps; package lists would fill it otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """Runs programs with their errors kept in one log file."""

    log: Path
    environment: Mapping[str, str]

    def run(self, command: Sequence[str | Path], *, what: str, directory: Path | None = None) -> bytes:
        """The program's standard output. Raises BmctlError naming `what` and the log if it fails."""
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
            log.flush()
            output, status = self._finish(command, log.fileno(), what, directory)
            log.write(output[-KEPT_OUTPUT:])
        if status:
            raise BmctlError(
                f"{what} failed: {command[0]} ended with status {status}{self._last_line()}",
                hint=f"the whole output is in {self.log}",
            )
        return output

    def _finish(
        self, command: Sequence[str | Path], log: int, what: str, directory: Path | None
    ) -> tuple[bytes, int]:
        environment = {**self.environment, "LC_ALL": "C.UTF-8"}
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=directory,
            )
        except FileNotFoundError as cause:
            raise missing_program(command[0], what) from cause
        with child:
            try:
                output, _ = child.communicate()
            except BaseException:
                child.kill()
                raise
        return output, child.returncode

    def _last_line(self) -> str:
        lines = self.log.read_bytes()[-4096:].decode(errors="replace").strip().splitlines()
        return f": {lines[-1].strip()}" if lines else ""


def missing_program(program: str | Path, what: str) -> BmctlError:
    """The error for a host that lacks a program of its own distribution."""
    return BmctlError(
        f"{what} needs {os.fspath(program)}, which is not installed",
        hint="build the ramdisk on Debian or Ubuntu, or bring one: bmctl ramdisk use KERNEL INITRAMFS",
    )
