"""A writer for GUID partition tables (UEFI specification 2.10, chapter 5)."""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass

SECTOR = 512
ENTRY_COUNT = 128
ENTRY_SIZE = 128
TABLE_SECTORS = ENTRY_COUNT * ENTRY_SIZE // SECTOR
EFI_SYSTEM = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
LINUX_ROOT_X86_64 = uuid.UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")
HEADER = struct.Struct("<8s4sIIIQQQQ16sQIII")
ENTRY = struct.Struct("<16s16sQQQ72s")
REVISION = b"\x00\x00\x01\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition; `first` and `sectors` count 512-byte sectors."""

    kind: uuid.UUID
    identity: uuid.UUID
    first: int
    sectors: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The bytes of a partition table: `front` belongs at the disk's start, `back` at its very end."""

    front: bytes
    back: bytes


def partition_table(disk: uuid.UUID, partitions: tuple[Partition, ...], sectors: int) -> Table:
    """The table of a disk of that many sectors, with its protective MBR and its backup."""
    entries = b"".join(_entry(partition) for partition in partitions).ljust(ENTRY_COUNT * ENTRY_SIZE, b"\0")
    last = sectors - 1
    primary = _header(disk, entries, own=1, other=last, table=2, sectors=sectors)
    backup = _header(disk, entries, own=last, other=1, table=last - TABLE_SECTORS, sectors=sectors)
    return Table(front=_protective_mbr(sectors) + primary + entries, back=entries + backup)


def _entry(partition: Partition) -> bytes:
    return ENTRY.pack(
        partition.kind.bytes_le,
        partition.identity.bytes_le,
        partition.first,
        partition.first + partition.sectors - 1,
        0,
        partition.name.encode("utf-16-le"),
    )


def _header(disk: uuid.UUID, entries: bytes, *, own: int, other: int, table: int, sectors: int) -> bytes:
    first_usable = 2 + TABLE_SECTORS
    last_usable = sectors - 2 - TABLE_SECTORS

    def pack(checksum: int) -> bytes:
        return HEADER.pack(
            b"EFI PART",
            REVISION,
            HEADER.size,
            checksum,
            0,
            own,
            other,
            first_usable,
            last_usable,
            disk.bytes_le,
            table,
            ENTRY_COUNT,
            ENTRY_SIZE,
            zlib.crc32(entries),
        )

    return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")


def _protective_mbr(sectors: int) -> bytes:
    size = min(sectors - 1, 0xFFFFFFFF)
    entry = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, size)
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"
