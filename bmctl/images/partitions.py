"""Reads partition tables, GPT (UEFI Specification 2.10, 5) and MBR, out of a raw image."""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bmctl.errors import InvalidError

ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
MBR_ESP = 0xEF
MBR_PROTECTIVE = 0xEE
SECTOR_SIZES = (512, 4096)


class TableKind(StrEnum):
    """The two kinds of partition table."""

    GPT = "gpt"
    MBR = "mbr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One partition; `offset` and `size` in bytes, `kind` a type GUID or an MBR type in hex."""

    number: int
    offset: int
    size: int
    kind: str
    name: str = ""
    esp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTable:
    """The partitions of an image, whose table counts in sectors of `sector` bytes.

    `boot_code` says that the first sector holds code that a BIOS could run.
    """

    kind: TableKind
    sector: int
    partitions: tuple[Partition, ...]
    boot_code: bool = False

    @property
    def esp(self) -> Partition | None:
        """The EFI system partition."""
        return next((partition for partition in self.partitions if partition.esp), None)


def read_partitions(path: Path, *, name: str) -> PartitionTable | None:
    """The partition table of a raw image, None where it has none.

    Raises `InvalidError` where the table is damaged or names sectors beyond the end of the image.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        descriptor = file.fileno()
        first = os.pread(descriptor, 512, 0)
        for sector in SECTOR_SIZES:
            if os.pread(descriptor, 8, sector) == b"EFI PART":
                return _read_gpt(descriptor, size, sector, name, _has_boot_code(first))
        if len(first) < 512 or first[510:512] != b"\x55\xaa":
            return None
        if any(first[450 + 16 * index] == MBR_PROTECTIVE for index in range(4)):
            raise InvalidError(
                f"{name} has a damaged partition table: its GPT header is missing",
                hint="fetch the image again",
            )
        return _read_mbr(first, size, name)


def _has_boot_code(first: bytes) -> bool:
    return any(first[:440])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    backup: int
    last_usable: int
    entries_at: int
    count: int
    entry_size: int
    entries_crc: int


def _read_gpt(descriptor: int, size: int, sector: int, name: str, boot_code: bool) -> PartitionTable:
    header = _read_header(os.pread(descriptor, sector, sector), name)
    needed = (max(header.backup, header.last_usable, header.entries_at) + 1) * sector
    if needed > size:
        raise InvalidError(
            f"{name} is cut short: its partition table speaks of {needed} bytes, the image has {size}",
            hint="fetch the image again",
        )
    table = os.pread(descriptor, header.count * header.entry_size, header.entries_at * sector)
    if zlib.crc32(table) != header.entries_crc:
        raise InvalidError(
            f"{name} has a damaged partition table: its checksum is wrong", hint="fetch the image again"
        )
    partitions = tuple(
        partition
        for index in range(header.count)
        if (partition := _read_entry(table, index, header.entry_size, sector))
    )
    _check_inside(partitions, size, name)
    return PartitionTable(kind=TableKind.GPT, sector=sector, partitions=partitions, boot_code=boot_code)


def _read_header(block: bytes, name: str) -> _Header:
    header_size, crc = struct.unpack_from("<II", block, 12)
    damaged = InvalidError(
        f"{name} has a damaged partition table: its GPT header is wrong", hint="fetch the image again"
    )
    if not 92 <= header_size <= len(block):
        raise damaged
    if zlib.crc32(block[:16] + bytes(4) + block[20:header_size]) != crc:
        raise damaged
    backup, _, last_usable = struct.unpack_from("<QQQ", block, 32)
    entries_at, count, entry_size, entries_crc = struct.unpack_from("<QIII", block, 72)
    if entry_size < 128 or entry_size > 4096 or count > 4096:
        raise damaged
    return _Header(
        backup=backup,
        last_usable=last_usable,
        entries_at=entries_at,
        count=count,
        entry_size=entry_size,
        entries_crc=entries_crc,
    )


def _read_entry(table: bytes, index: int, entry_size: int, sector: int) -> Partition | None:
    kind_bytes, _, first, last, _, name = struct.unpack_from("<16s16sQQQ72s", table, index * entry_size)
    if not any(kind_bytes):
        return None
    kind = uuid.UUID(bytes_le=kind_bytes)
    return Partition(
        number=index + 1,
        offset=first * sector,
        size=(last - first + 1) * sector,
        kind=str(kind),
        name=name.decode("utf-16-le", "replace").partition("\0")[0],
        esp=kind == ESP_TYPE,
    )


def _read_mbr(first: bytes, size: int, name: str) -> PartitionTable | None:
    entries = [struct.unpack_from("<B3xB3xII", first, 446 + 16 * index) for index in range(4)]
    # A FAT boot sector ends in 55 AA as well; its text there makes impossible flags.
    if any(flag not in {0, 0x80} for flag, *_ in entries):
        return None
    partitions = tuple(
        Partition(
            number=index + 1, offset=start * 512, size=length * 512, kind=f"0x{kind:02x}", esp=kind == MBR_ESP
        )
        for index, (_, kind, start, length) in enumerate(entries)
        if kind
    )
    if not partitions:
        return None
    _check_inside(partitions, size, name)
    return PartitionTable(
        kind=TableKind.MBR, sector=512, partitions=partitions, boot_code=_has_boot_code(first)
    )


def _check_inside(partitions: tuple[Partition, ...], size: int, name: str) -> None:
    for partition in partitions:
        if partition.size <= 0 or partition.offset + partition.size > size:
            raise InvalidError(
                f"{name} is cut short: partition {partition.number} ends at byte"
                f" {partition.offset + partition.size}, the image has {size}",
                hint="fetch the image again",
            )
