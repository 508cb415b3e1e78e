"""The installed `bmctl`, run as a user runs it, in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
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


@dataclass(frozen=True)
class Place:
    """A user's directory with bmctl's own directories beside it."""

    path: Path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.write_text(text)
        return file

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `bmctl` with these arguments; nothing of the tester's own bmctl is seen."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BMCTL_")}
        return subprocess.run(
            [Path(sys.executable).with_name("bmctl"), *arguments],
            cwd=self.path,
            env={
                **clean,
                "BMCTL_STATE": str(self.path / "state"),
                "BMCTL_CACHE": str(self.path / "cache"),
                "HOME": str(self.path),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def empty(tmp_path: Path) -> Place:
    """A directory with nothing in it."""
    return Place(tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A directory with an inventory of machines in memory."""
    made = Place(tmp_path)
    made.write("inventory.yaml", FAKE_NODES)
    return made


@pytest.fixture
def with_ramdisk(place: Place) -> Callable[[], None]:
    """Gives the place a ramdisk, which is only looked at, never booted."""

    def give() -> None:
        kernel = place.write("vmlinuz", "kernel " * 1000)
        initramfs = place.write("initramfs", "ramdisk " * 5000)
        done = place.run("ramdisk", "use", "--name", "small", str(kernel), str(initramfs))
        assert done.returncode == 0, done.stderr

    return give
