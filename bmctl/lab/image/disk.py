"""Putting a disk image together in a plain file: no mounts, no loop devices, no privilege."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

from bmctl.lab.image.gpt import (
    EFI_SYSTEM,
    LINUX_ROOT_X86_64,
    SECTOR,
    TABLE_SECTORS,
    Partition,
    partition_table,
)

ALIGNMENT = 2048
CHUNK = 1 << 20
DISK_NAMESPACE = uuid.UUID("9b0f3f0c-52a6-5c0f-a1a5-6c61622d696d")


def assemble(target: Path, *, esp: Path, root: Path, tell: Callable[[int, int], None]) -> None:
    """Write a GPT disk with an EFI system partition and a root file system; holes stay holes.

    `tell` is called with the bytes done and the bytes in all.
    """
    esp_sectors = _sectors(esp)
    root_first = _aligned(ALIGNMENT + esp_sectors)
    root_sectors = _sectors(root)
    total = _aligned(root_first + root_sectors + TABLE_SECTORS + 1)
    partitions = (
        _partition(EFI_SYSTEM, "EFI system", ALIGNMENT, esp_sectors),
        _partition(LINUX_ROOT_X86_64, "root", root_first, root_sectors),
    )
    table = partition_table(uuid.uuid5(DISK_NAMESPACE, "disk"), partitions, total)
    with target.open("wb") as disk:
        disk.truncate(total * SECTOR)
        disk.write(table.front)
        disk.seek(total * SECTOR - len(table.back))
        disk.write(table.back)
        everything = (esp_sectors + root_sectors) * SECTOR
        _copy(esp, disk.fileno(), ALIGNMENT * SECTOR, lambda done: tell(done, everything))
        before = esp_sectors * SECTOR
        _copy(root, disk.fileno(), root_first * SECTOR, lambda done: tell(before + done, everything))


def _partition(kind: uuid.UUID, name: str, first: int, sectors: int) -> Partition:
    identity = uuid.uuid5(DISK_NAMESPACE, name)
    return Partition(kind=kind, identity=identity, first=first, sectors=sectors, name=name)


def _sectors(path: Path) -> int:
    return -(-path.stat().st_size // SECTOR)


def _aligned(sector: int) -> int:
    return -(-sector // ALIGNMENT) * ALIGNMENT


def _copy(source: Path, disk: int, offset: int, tell: Callable[[int], None]) -> None:
    with source.open("rb") as stream:
        done = 0
        while chunk := stream.read(CHUNK):
            if chunk.count(0) != len(chunk):
                os.pwrite(disk, chunk, offset + done)
            done += len(chunk)
            tell(done)
