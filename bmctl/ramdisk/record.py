"""What is known of a deploy ramdisk, and how it is written beside its files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

RECORD_VERSION: Final = 1


class Origin(StrEnum):
    """Who made a ramdisk."""

    BUILT = "built"
    GIVEN = "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramdisk:
    """A kernel and an initramfs that together become the agent on a machine.

    `digest` is the SHA-256 of the kernel's bytes followed by the initramfs', lower-case hex. Sizes are in
    bytes. `inputs` is what a built one was made from, as a digest; versions are None where nobody knows them.
    """

    name: str
    kernel: Path
    initramfs: Path
    digest: str
    origin: Origin
    kernel_size: int
    initramfs_size: int
    kernel_version: str | None = None
    agent_version: str | None = None
    inputs: str | None = None

    def to_json(self) -> str:
        """The record as text; paths are kept as names of files in one directory."""
        values: dict[str, Any] = {
            "version": RECORD_VERSION,
            "name": self.name,
            "digest": self.digest,
            "origin": str(self.origin),
            "kernel_size": self.kernel_size,
            "initramfs_size": self.initramfs_size,
            "kernel_version": self.kernel_version,
            "agent_version": self.agent_version,
            "inputs": self.inputs,
        }
        return json.dumps(values, indent=2) + "\n"


def from_json(text: str, *, files: Path) -> Ramdisk:
    """The ramdisk a record describes. Raises ValueError or KeyError for a record that is not one of ours."""
    values = json.loads(text)
    if values.pop("version") != RECORD_VERSION:
        raise ValueError("unknown version of the record")
    directory = files / values["digest"]
    origin = Origin(values.pop("origin"))
    return Ramdisk(
        **values, origin=origin, kernel=directory / KERNEL_FILE, initramfs=directory / INITRAMFS_FILE
    )


KERNEL_FILE: Final = "vmlinuz"
INITRAMFS_FILE: Final = "initramfs"


def digest_of(kernel: Path, initramfs: Path) -> str:
    """The digest that names a pair of files."""
    digest = hashlib.sha256()
    for path in (kernel, initramfs):
        with path.open("rb") as source:
            while chunk := source.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def kernel_version(kernel: Path) -> str | None:
    """The version an x86 kernel says of itself (Documentation/arch/x86/boot, `kernel_version`), else None."""
    with kernel.open("rb") as source:
        head = source.read(0x10000)
    if head[0x202:0x206] != b"HdrS":
        return None
    start = int.from_bytes(head[0x20E:0x210], "little") + 0x200
    words = head[start : start + 128].partition(b"\0")[0].decode("ascii", errors="replace").split()
    return words[0] if words else None
