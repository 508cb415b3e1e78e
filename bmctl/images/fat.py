"""Reads a FAT file system, as in an image's ESP: directories, and how files start (Microsoft's FAT 1.03)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from bmctl.errors import InvalidError

_DIRECTORY = 0x10
_VOLUME_LABEL = 0x08
_LONG_NAME = 0x0F
# A directory of an ESP has a handful of entries; a damaged chain must not lead round in circles for ever.
_MOST_CLUSTERS = 4096
_START = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    start: int
    sector: int
    cluster: int
    fat_at: int
    root_at: int
    root_size: int
    root_cluster: int
    data_at: int
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A file or directory; `name` is the long one if there is one, `short` the 8.3 one, in upper case."""

    name: str
    short: str
    directory: bool
    cluster: int

    def is_called(self, name: str) -> bool:
        """Whether either of its names is this one; case does not count."""
        return name.upper() in {self.name, self.short}


class Fat:
    """The file system at byte `offset` of an open file; raises `InvalidError` where there is none."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self._layout = _read_layout(os.pread(descriptor, 512, offset), offset)

    def names(self, path: str = "") -> tuple[str, ...]:
        """Names (in upper case) in a directory such as `EFI/BOOT`; none where it does not exist."""
        return tuple(entry.name for entry in self._list(path))

    def start_of(self, path: str) -> bytes:
        """The first bytes of a file, up to about 4 KiB; none where it does not exist."""
        folder, _, name = path.rpartition("/")
        found = next((entry for entry in self._list(folder) if entry.is_called(name)), None)
        if found is None or found.directory:
            return b""
        return self._chain(found.cluster, most=-(-_START // self._layout.cluster))[:_START]

    def _list(self, path: str) -> list[_Entry]:
        entries = list(self._entries(self._root()))
        for part in (part for part in path.split("/") if part):
            found = next((entry for entry in entries if entry.directory and entry.is_called(part)), None)
            if found is None:
                return []
            entries = list(self._entries(self._chain(found.cluster)))
        return entries

    def _root(self) -> bytes:
        if self._layout.bits == 32:
            return self._chain(self._layout.root_cluster)
        return os.pread(self._descriptor, self._layout.root_size, self._layout.root_at)

    def _chain(self, cluster: int, *, most: int = _MOST_CLUSTERS) -> bytes:
        layout = self._layout
        pieces: list[bytes] = []
        end = {12: 0xFF8, 16: 0xFFF8, 32: 0xFFFFFF8}[layout.bits]
        while 2 <= cluster < end and len(pieces) < most:
            position = layout.data_at + (cluster - 2) * layout.cluster
            pieces.append(os.pread(self._descriptor, layout.cluster, position))
            cluster = self._next(cluster)
        return b"".join(pieces)

    def _next(self, cluster: int) -> int:
        layout = self._layout
        if layout.bits == 12:
            pair = int.from_bytes(os.pread(self._descriptor, 2, layout.fat_at + cluster * 3 // 2), "little")
            return pair >> 4 if cluster % 2 else pair & 0xFFF
        width = layout.bits // 8
        entry = int.from_bytes(os.pread(self._descriptor, width, layout.fat_at + cluster * width), "little")
        return entry & 0x0FFFFFFF

    @staticmethod
    def _entries(table: bytes) -> Iterator[_Entry]:
        long = b""
        for position in range(0, len(table) - 31, 32):
            raw, attributes = table[position : position + 11], table[position + 11]
            if raw[0] == 0:
                return
            if raw[0] != 0xE5 and attributes == _LONG_NAME:
                # Parts of a long name stand before its entry, the last part first.
                long = _long_part(table, position) + long
                continue
            if raw[0] != 0xE5 and not attributes & _VOLUME_LABEL:
                short, (high, low) = _short_name(raw), struct.unpack_from("<H4xH", table, position + 20)
                yield _Entry(
                    name=_text(long).upper() or short,
                    short=short,
                    directory=bool(attributes & _DIRECTORY),
                    cluster=high << 16 | low,
                )
            long = b""


def _short_name(raw: bytes) -> str:
    base, extension = raw[:8].decode("cp437").rstrip(), raw[8:].decode("cp437").rstrip()
    return f"{base}.{extension}" if extension else base


def _long_part(table: bytes, position: int) -> bytes:
    """The thirteen UTF-16 characters of a long name's entry (specification, 7)."""
    return b"".join(table[position + start : position + end] for start, end in ((1, 11), (14, 26), (28, 32)))


def _text(long: bytes) -> str:
    return long.decode("utf-16-le", "replace").partition("\0")[0]


def _read_layout(boot: bytes, start: int) -> _Layout:
    if len(boot) < 512 or boot[510:512] != b"\x55\xaa":
        raise InvalidError("the EFI system partition holds no FAT file system")
    sector, per_cluster, reserved, fats, root_entries, small_count, small_fat = struct.unpack_from(
        "<HBHBHH1xH", boot, 11
    )
    (large_count,) = struct.unpack_from("<I", boot, 32)
    large_fat, root_cluster = struct.unpack_from("<I4xI", boot, 36)
    if sector not in {512, 1024, 2048, 4096} or not per_cluster or not fats:
        raise InvalidError("the EFI system partition holds no FAT file system")
    fat_size = small_fat or large_fat
    root_size = root_entries * 32
    root_at = reserved + fats * fat_size
    data_at = root_at + -(-root_size // sector)
    clusters = ((small_count or large_count) - data_at) // per_cluster
    # The number of clusters alone decides the kind (specification, 3.5).
    bits = 12 if clusters < 4085 else 16 if clusters < 65525 else 32
    return _Layout(
        start=start,
        sector=sector,
        cluster=sector * per_cluster,
        fat_at=start + reserved * sector,
        root_at=start + root_at * sector,
        root_size=root_size,
        root_cluster=root_cluster,
        data_at=start + data_at * sector,
        bits=bits,
    )
