"""Looks through a qcow2 file before anything converts it: whole, on its own, and in proportion."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from bmctl.errors import InvalidError

# docs/interop/qcow2 of QEMU, "incompatible_features": dirty, corrupt, external data file, compression
# and extended L2, from bit 0 on.
_CORRUPT = 1 << 1
_EXTERNAL_DATA = 1 << 2
_EXTENDED_L2 = 1 << 4
_KNOWN = 0b11111
_OFFSET = 0x00FF_FFFF_FFFF_FE00


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskInside:
    """The disk in a qcow2 file: its size in bytes, and how many of them at most are not zero."""

    size: int
    filled: int


def check_qcow2(path: Path, *, name: str) -> DiskInside:
    """The disk in a qcow2 file, which must stand on its own and be complete.

    Raises `InvalidError` where it names a backing or data file, is encrypted or marked as corrupt, or
    points beyond its end.
    """
    with path.open("rb") as file:
        header = file.read(104)
        if len(header) < 72:
            raise _truncated(name)
        version, backing, _, cluster_bits, disk_size, crypt, l1_size, l1_offset = struct.unpack_from(
            ">4xIQIIQIIQ", header
        )
        _check_header(name, version, backing, cluster_bits, crypt)
        features = struct.unpack_from(">Q", header, 72)[0] if version >= 3 and len(header) >= 80 else 0
        _check_features(name, features)
        if l1_size * 8 > 32 * 2**20:  # QEMU's own limit
            raise InvalidError(f"{name} is a damaged qcow2: its first table is too large")
        tables = _Tables(file.fileno(), name, cluster_bits, bool(features & _EXTENDED_L2))
        return DiskInside(size=int(disk_size), filled=tables.filled(l1_offset, l1_size))


def _check_header(name: str, version: int, backing: int, cluster_bits: int, crypt: int) -> None:
    if version not in {2, 3} or not 9 <= cluster_bits <= 21:
        raise InvalidError(f"{name} is a qcow2 of a kind that is not known")
    if backing:
        raise InvalidError(
            f"{name} is only the difference to another image (it has a backing file)",
            hint="make it whole with qemu-img convert, where the other image is",
        )
    if crypt:
        raise InvalidError(f"{name} is encrypted", hint="decrypt it with qemu-img convert first")


def _check_features(name: str, features: int) -> None:
    if features & _EXTERNAL_DATA:
        raise InvalidError(f"{name} keeps its data in another file", hint="convert it with qemu-img convert")
    if features & _CORRUPT:
        raise InvalidError(
            f"{name} is marked as corrupt by the program that wrote it", hint="try qemu-img check -r all"
        )
    if features & ~_KNOWN:
        raise InvalidError(f"{name} is a qcow2 of a kind that is not known")


class _Tables:
    """The two levels of tables that say where in the file each cluster of the disk lies."""

    def __init__(self, descriptor: int, name: str, cluster_bits: int, extended: bool) -> None:
        self._descriptor = descriptor
        self._name = name
        self._size = os.fstat(descriptor).st_size
        self._bits = cluster_bits
        self._step = 2 if extended else 1

    def filled(self, offset: int, count: int) -> int:
        """Bytes in clusters that have data; raises `InvalidError` where one lies beyond the file's end."""
        starts = [start for entry in self._entries(offset, count) if (start := entry & _OFFSET)]
        # Each second table once: a hostile first table could name the same one a million times.
        used = {start: self._used(start) for start in set(starts)}
        return sum(used[start] for start in starts) << self._bits

    def _used(self, start: int) -> int:
        entries = self._entries(start, (1 << self._bits) // 8)[:: self._step]
        ends = [end for entry in entries if entry and (end := _end(entry, self._bits))]
        if max(ends, default=0) > self._size:
            raise _truncated(self._name)
        return len(ends)

    def _entries(self, offset: int, count: int) -> tuple[int, ...]:
        # Offsets of 2^63 and more are not even asked for.
        table = os.pread(self._descriptor, count * 8, offset) if offset < 1 << 63 else b""
        if len(table) < count * 8:
            raise _truncated(self._name)
        return struct.unpack(f">{count}Q", table)


def _end(entry: int, cluster_bits: int) -> int:
    """A byte that must still be in the file for this entry; the last cluster may end with the file."""
    if entry >> 62 & 1:
        bits = 62 - (cluster_bits - 8)
        # A compressed cluster: the last sector counted may end beyond the file, its first bytes may not.
        return (entry & ((1 << bits) - 1)) + 1
    start = entry & _OFFSET
    return start + 1 if start else 0


def _truncated(name: str) -> InvalidError:
    return InvalidError(
        f"{name} is cut short: it is a qcow2 whose data lies beyond the end of the file",
        hint="fetch the image again",
    )
