"""What an agent may change in a partition table after it wrote an image, and whether it changed only that.

A larger disk gets its GPT's backup at its own end, and a config drive becomes one partition more (UEFI
Specification 2.10, 5.3; the agent calls sgdisk and parted). Every partition of the image stays as it was.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bmctl.errors import BmctlError
from bmctl.images.chunks import Extent
from bmctl.images.partitions import PartitionTable, TableKind

MBR_SIZE = 512
BOOT_CODE = 440
EXTENDED = {0x05, 0x0F, 0x85}
# A chain of logical partitions that goes in circles must end somewhere.
MOST_LOGICAL = 128


class TableDiffersError(BmctlError):
    """The partition table on a disk is not the image's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableExtents:
    """Where a table is in its image.

    `meaning` are the extents whose entries must say the same on the disk; `moved` is the backup, which
    stays behind or is overwritten.
    """

    kind: TableKind
    sector: int
    meaning: tuple[Extent, ...]
    moved: tuple[Extent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """A GPT header in sectors; all but `backup`, `last_usable` and the entries' `crc` stays as it is."""

    backup: int
    first_usable: int
    last_usable: int
    disk: bytes
    entries_at: int
    count: int
    entry_size: int
    crc: int


def find_table(path: Path, table: PartitionTable) -> TableExtents:
    """The extents of an image's own partition table, which was read before and found whole."""
    with path.open("rb") as file:
        descriptor = file.fileno()
        if table.kind is TableKind.MBR:
            return TableExtents(kind=table.kind, sector=table.sector, meaning=_boot_records(descriptor))
        sector = table.sector
        header = _read_header(os.pread(descriptor, sector, sector))
        backup = header.backup
        size = -(-header.count * header.entry_size // sector) * sector
        first = min(_backup_entries(descriptor, backup, sector) or backup, backup - size // sector)
        return TableExtents(
            kind=table.kind,
            sector=sector,
            meaning=(
                Extent(offset=0, size=2 * sector),
                Extent(offset=header.entries_at * sector, size=size),
            ),
            moved=(Extent(offset=first * sector, size=(backup + 1 - first) * sector),),
        )


def _backup_entries(descriptor: int, backup: int, sector: int) -> int | None:
    """Where the backup's entries begin, None where there is no backup."""
    block = os.pread(descriptor, sector, backup * sector)
    return int(struct.unpack_from("<Q", block, 72)[0]) if block[:8] == b"EFI PART" else None


def _boot_records(descriptor: int) -> tuple[Extent, ...]:
    """The MBR and the boot records of logical partitions, each pointing to the next."""
    found = [Extent(offset=0, size=MBR_SIZE)]
    first = position = 0
    while len(found) < MOST_LOGICAL:
        record = os.pread(descriptor, MBR_SIZE, position)
        entries = _mbr_entries(record) if len(record) == MBR_SIZE else []
        start = next((start for _, kind, start, _ in entries if kind in EXTENDED), None)
        if start is None:
            break
        # Links count from the first extended partition, the MBR's own from the start of the disk.
        position = (first + start) * MBR_SIZE
        first = first or start
        extent = Extent(offset=position, size=MBR_SIZE)
        if extent in found:
            break
        found.append(extent)
    return tuple(found)


def compare_tables(
    where: TableExtents, image: Sequence[bytes], disk: Sequence[bytes], *, may_add: bool
) -> tuple[Extent, ...]:
    """Where on the disk lies what the agent put there: a partition that was added, the moved backup.

    `image` and `disk` hold the bytes of `where.meaning`. Raises `TableDiffersError` for a change that no
    agent makes, and for an added partition without `may_add`.
    """
    _require_same_boot_code(image[0], disk[0])
    gpt = where.kind is TableKind.GPT
    added = _compare_gpt(where.sector, image, disk) if gpt else _compare_mbr(image, disk)
    if len(added) > may_add:
        raise TableDiffersError(
            f"the disk has {len(added)} partitions more than the image"
            + (", and the config drive is only one" if may_add else "")
        )
    return (*added, _moved_backup(where.sector, disk)) if gpt else added


def _moved_backup(sector: int, disk: Sequence[bytes]) -> Extent:
    """From the last sector that partitions may use to the backup's header."""
    header = _read_header(disk[0][sector:])
    first = header.last_usable + 1
    return Extent(offset=first * sector, size=max(header.backup + 1 - first, 0) * sector)


def _require_same_boot_code(image: bytes, disk: bytes) -> None:
    """A tool that finds no boot code may add its own."""
    if any(image[:BOOT_CODE]) and image[:BOOT_CODE] != disk[:BOOT_CODE]:
        raise TableDiffersError("the boot code in the first sector is not the image's")
    if image[510:512] != disk[510:512]:
        raise TableDiffersError("the first sector of the disk has lost its mark")


def _compare_gpt(sector: int, image: Sequence[bytes], disk: Sequence[bytes]) -> tuple[Extent, ...]:
    wanted, seen = _read_header(image[0][sector:]), _read_header(disk[0][sector:])
    if zlib.crc32(disk[1][: seen.count * seen.entry_size]) != seen.crc:
        raise TableDiffersError("the partition table on the disk does not have its own checksum")
    kept = [(one.first_usable, one.disk, one.entries_at, one.count, one.entry_size) for one in (wanted, seen)]
    if kept[0] != kept[1]:
        raise TableDiffersError("the partition table on the disk is of another disk or form")
    added = []
    for index in range(wanted.count):
        place = slice(index * wanted.entry_size, (index + 1) * wanted.entry_size)
        before, after = image[1][place], disk[1][place]
        if any(before[:16]):
            _require_same_entry(index + 1, before, after)
            if struct.unpack_from("<Q", after, 40)[0] > seen.last_usable:
                raise TableDiffersError(f"partition {index + 1} lies where the disk's table has no room")
        elif any(after[:16]):
            first, last = struct.unpack_from("<QQ", after, 32)
            added.append(Extent(offset=first * sector, size=(last - first + 1) * sector))
    return tuple(added)


def _compare_mbr(image: Sequence[bytes], disk: Sequence[bytes]) -> tuple[Extent, ...]:
    if any(image[0][440:444]) and image[0][440:444] != disk[0][440:444]:
        raise TableDiffersError("the disk's signature is not the image's")
    for wanted, seen in zip(image[1:], disk[1:], strict=True):
        if _mbr_entries(wanted) != _mbr_entries(seen):
            raise TableDiffersError("a logical partition of the disk is not the image's")
    added = []
    for number, (before, after) in enumerate(
        zip(_mbr_entries(image[0]), _mbr_entries(disk[0]), strict=True), 1
    ):
        if before[1]:
            _require_same_entry(number, before, after)
        elif after[1]:
            added.append(Extent(offset=after[2] * MBR_SIZE, size=after[3] * MBR_SIZE))
    return tuple(added)


def _require_same_entry(number: int, wanted: object, seen: object) -> None:
    if wanted != seen:
        raise TableDiffersError(f"partition {number} in the disk's table is not the image's")


def _mbr_entries(record: bytes) -> list[tuple[int, int, int, int]]:
    """Flag, type, first sector and length of the four entries of a boot record; tools differ in the rest."""
    return [struct.unpack_from("<B3xB3xII", record, 446 + 16 * index) for index in range(4)]


def _read_header(block: bytes) -> _Header:
    size, crc = struct.unpack_from("<II", block, 12)
    whole = block[:8] == b"EFI PART" and 92 <= size <= len(block)
    if not whole or zlib.crc32(block[:16] + bytes(4) + block[20:size]) != crc:
        raise TableDiffersError("the disk has no GPT header that is whole")
    backup, first_usable, last_usable = struct.unpack_from("<QQQ", block, 32)
    entries_at, count, entry_size, entries_crc = struct.unpack_from("<QIII", block, 72)
    return _Header(
        backup=backup,
        first_usable=first_usable,
        last_usable=last_usable,
        disk=block[56:72],
        entries_at=entries_at,
        count=count,
        entry_size=entry_size,
        crc=entries_crc,
    )
