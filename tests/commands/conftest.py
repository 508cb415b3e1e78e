"""`bmctl`, run as a user runs it, in a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

FAKE_NODES = """\
nodes:
  - name: n1
    bmc: {driver: fake, address: "fake:n1"}
    network: {mac: 52:54:00:12:34:01, address: 192.0.2.11/24, gateway: 192.0.2.1}
    group: left
    image: ./image.raw
  - name: n2
    bmc: {driver: fake, address: "fake:n2?fault=power.set:unreachable:9"}
    network: {mac: 52:54:00:12:34:02, address: 192.0.2.12/24, gateway: 192.0.2.1}
    group: right
"""


class Commands:
    """Runs command lines in processes of their own, which need not load bmctl first."""

    def __init__(self, worker: subprocess.Popen[str], folder: Path) -> None:
        self._worker = worker
        self._files = {"out": str(folder / "out"), "err": str(folder / "err")}

    def run(
        self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        asked = {"arguments": arguments, "directory": str(directory), "environment": environment}
        self._worker.stdin.write(json.dumps({**asked, **self._files}) + "\n")
        self._worker.stdin.flush()
        code = int(self._worker.stdout.readline())
        out, err = (Path(self._files[name]).read_text() for name in ("out", "err"))
        return subprocess.CompletedProcess(arguments, code, out, err)


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Runs the command lines of all tests here."""
    command = [sys.executable, Path(__file__).with_name("command_worker.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        yield Commands(worker, tmp_path_factory.mktemp("said"))


@dataclass(frozen=True)
class Place:
    """A user's directory with bmctl's own directories beside it."""

    path: Path
    commands: Commands

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.write_text(text)
        return file

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `bmctl` with these arguments."""
        return self.commands.run(arguments, self.path, {**self.environment(), **environment})

    def run_installed(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the program that users have with these arguments."""
        return subprocess.run(
            [Path(sys.executable).with_name("bmctl"), *arguments],
            cwd=self.path,
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """What commands see: nothing of the tester's own bmctl."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BMCTL_")}
        own = {"BMCTL_STATE": str(self.path / "state"), "BMCTL_CACHE": str(self.path / "cache")}
        return {**clean, **own, "HOME": str(self.path)}


@pytest.fixture
def empty(tmp_path: Path, commands: Commands) -> Place:
    """A directory with nothing in it."""
    return Place(tmp_path, commands)


@pytest.fixture
def place(empty: Place) -> Place:
    """A directory with an inventory of machines in memory."""
    empty.write("inventory.yaml", FAKE_NODES)
    return empty


@pytest.fixture
def with_ramdisk(place: Place) -> Callable[[], None]:
    """Gives the place a ramdisk, which is only looked at, never booted."""

    def give() -> None:
        kernel = place.write("vmlinuz", "kernel " * 1000)
        initramfs = place.write("initramfs", "ramdisk " * 5000)
        done = place.run("ramdisk", "use", "--name", "small", str(kernel), str(initramfs))
        assert done.returncode == 0, done.stderr

    return give
