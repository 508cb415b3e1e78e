"""The file systems of a raw image by their names: UUIDs and labels out of partition table and superblocks."""

from __future__ import annotations

import os
import struct
import uuid
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from bmctl.images.partitions import PartitionTable, TableKind
from bmctl.model.disks import Filesystem

EXT_MAGIC_AT = 0x438
BTRFS_AT = 0x10000
ISO_AT = 0x8000
LVM_LABEL_SECTORS = 4
PAGES = (4096, 8192, 16384, 65536)
# Feature bits that tell ext2, ext3 and ext4 apart (Documentation/filesystems/ext4/super.rst).
EXT_JOURNAL = 0x4
EXT4_INCOMPATIBLE = 0x40 | 0x80 | 0x200

_Found = tuple[str, str, str]
"""Kind, label and UUID."""


def read_filesystems(path: Path, table: PartitionTable | None) -> tuple[Filesystem, ...]:
    """Every partition of a raw image with its names, and what is on it where that is known.

    An image without a table is one file system. Devices are called `partition 1` and so on.
    """
    with path.open("rb") as file:
        descriptor = file.fileno()
        if table is None:
            kind, label, name = probe(descriptor, 0)
            size = os.fstat(descriptor).st_size
            whole = Filesystem(device="the image", size=size, kind=kind, label=label, uuid=name)
            return (whole,) if kind else ()
        identities = _partition_uuids(descriptor, table)
        found = []
        for partition in table.partitions:
            kind, label, name = probe(descriptor, partition.offset)
            found.append(
                Filesystem(
                    device=f"partition {partition.number}",
                    size=partition.size,
                    kind=kind,
                    label=label,
                    uuid=name,
                    partition_uuid=identities.get(partition.number, ""),
                    partition_label=partition.name,
                    type=partition.kind,
                )
            )
        return tuple(found)


def _partition_uuids(descriptor: int, table: PartitionTable) -> dict[int, str]:
    """Partition UUIDs by number; those of an MBR are made of the disk's signature, as the kernel does."""
    if table.kind is TableKind.MBR:
        (signature,) = struct.unpack("<I", os.pread(descriptor, 4, 440))
        return {each.number: f"{signature:08x}-{each.number:02x}" for each in table.partitions if signature}
    header = os.pread(descriptor, 92, table.sector)
    entries_at, _, entry_size = struct.unpack_from("<QII", header, 72)
    found = {}
    for each in table.partitions:
        entry = os.pread(descriptor, 32, entries_at * table.sector + (each.number - 1) * entry_size)
        found[each.number] = str(uuid.UUID(bytes_le=entry[16:32]))
    return found


def probe(descriptor: int, offset: int) -> tuple[str, str, str]:
    """Kind, label and UUID, as blkid writes them, of what begins at byte `offset`; empty where unknown."""
    for look in _PROBES:
        if (found := look(descriptor, offset)) is not None:
            return found
    return "", "", ""


def _ext(descriptor: int, offset: int) -> _Found | None:
    block = os.pread(descriptor, 1024, offset + 1024)
    if len(block) < 1024 or block[56:58] != b"\x53\xef":
        return None
    compatible, incompatible = struct.unpack_from("<II", block, 92)
    kind = "ext2"
    if incompatible & EXT4_INCOMPATIBLE:
        kind = "ext4"
    elif compatible & EXT_JOURNAL:
        kind = "ext3"
    return kind, _text(block[120:136]), _uuid(block[104:120])


def _xfs(descriptor: int, offset: int) -> _Found | None:
    block = os.pread(descriptor, 512, offset)
    return ("xfs", _text(block[108:120]), _uuid(block[32:48])) if block[:4] == b"XFSB" else None


def _btrfs(descriptor: int, offset: int) -> _Found | None:
    block = os.pread(descriptor, 1024, offset + BTRFS_AT)
    if block[64:72] != b"_BHRfS_M":
        return None
    return "btrfs", _text(block[299:555]), _uuid(block[32:48])


def _luks(descriptor: int, offset: int) -> _Found | None:
    block = os.pread(descriptor, 512, offset)
    if block[:6] != b"LUKS\xba\xbe":
        return None
    label = _text(block[24:72]) if block[6:8] == b"\0\2" else ""
    return "crypto_LUKS", label, _text(block[168:208])


def _lvm(descriptor: int, offset: int) -> _Found | None:
    """The label may be in any of the first four sectors."""
    for sector in range(LVM_LABEL_SECTORS):
        block = os.pread(descriptor, 512, offset + sector * 512)
        if block[:8] == b"LABELONE" and block[24:32] == b"LVM2 001":
            raw = block[32:64].decode("ascii", "replace")
            borders = (0, 6, 10, 14, 18, 22, 26, 32)
            return "LVM2_member", "", "-".join(raw[a:b] for a, b in pairwise(borders))
    return None


def _swap(descriptor: int, offset: int) -> _Found | None:
    for page in PAGES:
        if os.pread(descriptor, 10, offset + page - 10) in {b"SWAPSPACE2", b"SWAP-SPACE"}:
            block = os.pread(descriptor, 64, offset + 1024)
            return "swap", _text(block[28:44]), _uuid(block[12:28])
    return None


def _vfat(descriptor: int, offset: int) -> _Found | None:
    """The label is an entry of the root directory; the one in the boot sector is only its copy."""
    boot = os.pread(descriptor, 512, offset)
    if len(boot) < 512 or boot[510:512] != b"\x55\xaa":
        return None
    at = 67 if boot[82:90].startswith(b"FAT32") else 39 if boot[54:59] in {b"FAT12", b"FAT16"} else 0
    if not at:
        return None
    serial, label = struct.unpack_from("<I11s", boot, at)
    text = _fat_label(descriptor, offset, boot) or _text(label)
    return "vfat", "" if text == "NO NAME" else text, f"{serial >> 16:04X}-{serial & 0xFFFF:04X}"


def _fat_label(descriptor: int, offset: int, boot: bytes) -> str:
    """The volume label among the first entries of the root directory, empty where it is not there."""
    sector, per_cluster, reserved, fats, root_entries = struct.unpack_from("<HBHBH", boot, 11)
    small_fat = struct.unpack_from("<H", boot, 22)[0]
    large_fat, root_cluster = struct.unpack_from("<I4xI", boot, 36)
    start = reserved + fats * (small_fat or large_fat)
    if not root_entries:
        start += (root_cluster - 2) * per_cluster
    directory = os.pread(descriptor, max(sector * per_cluster, 512), offset + start * sector)
    for at in range(0, len(directory) - 31, 32):
        entry = directory[at : at + 32]
        if not entry[0]:
            break
        if entry[0] != 0xE5 and entry[11] & 0x3F == 0x08:
            return _text(entry[:11])
    return ""


def _iso(descriptor: int, offset: int) -> _Found | None:
    """No UUID: blkid makes one of the date, which nobody refers to."""
    block = os.pread(descriptor, 96, offset + ISO_AT)
    return ("iso9660", _text(block[40:72]), "") if block[:6] == b"\x01CD001" else None


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace").rstrip()


def _uuid(field: bytes) -> str:
    return str(uuid.UUID(bytes=field))


_PROBES: tuple[Callable[[int, int], _Found | None], ...] = (
    _luks,
    _lvm,
    _btrfs,
    _xfs,
    _ext,
    _swap,
    _iso,
    _vfat,
)
