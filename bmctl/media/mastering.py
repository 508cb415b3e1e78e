"""Lays out an ISO 9660 image as extents: pycdlib makes the structures, big files are never read.

pycdlib writes into a sink that keeps real bytes and notes where the content of files belongs. It
stamps the clock and the local time zone into what it writes; the dates are set afterwards, in the
bytes, so that one input always gives one image, in any thread.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, cast

from bmctl.media.extents import Extent, ExtentFile, FileRange, Inline

if TYPE_CHECKING:
    from pycdlib import PyCdlib

BLOCK = 2048
# Zeros come in a few lengths, so that a few objects serve all images.
ZERO_UNIT = 256
# Above any file, so that pycdlib asks for a file's content in one piece.
WHOLE = 1 << 40


@dataclass(frozen=True, slots=True)
class _Hole:
    """Stands for a file's content on its way through pycdlib; only its length is real."""

    content: Extent

    def __len__(self) -> int:
        return self.content.length


class StandIn:
    """What pycdlib takes for an open file: it can be asked for its content, and gives a hole."""

    mode = "rb"

    def __init__(self, content: Extent) -> None:
        self._content = content

    def seek(self, _offset: int, _whence: int = io.SEEK_SET) -> int:
        return 0

    def read(self, _size: int = -1) -> _Hole:
        return _Hole(self._content)


@dataclass(slots=True)
class _Sink:
    """What pycdlib takes for the file it writes: bytes and holes by their offset, in order of writing."""

    position: int = 0
    end: int = 0
    bytes_at: list[tuple[int, bytes]] = field(default_factory=list)
    holes_at: list[tuple[int, Extent]] = field(default_factory=list)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.end}[whence]
        self.position = base + offset
        return self.position

    def tell(self) -> int:
        return self.position

    def write(self, data: bytes | _Hole) -> int:
        if isinstance(data, _Hole):
            self.holes_at.append((self.position, data.content))
        else:
            self.bytes_at.append((self.position, bytes(data)))
        self.position += len(data)
        self.end = max(self.end, self.position)
        return len(data)


@dataclass(frozen=True, slots=True)
class Patch:
    """Bytes that stand over what is laid out at `offset`."""

    offset: int
    data: bytes


def master(iso: PyCdlib, *, timestamp: int, patches: Iterable[Patch] = (), label: str) -> ExtentFile:
    """The image that `iso` describes, with every date set to `timestamp` (UTC).

    The content of files added as `StandIn` is pointed to; everything else is private to this image
    and carries `label`. Patches may change private bytes and content alike.
    """
    sink = _Sink()
    iso.write_fp(cast("BinaryIO", sink), blocksize=WHOLE)
    extents = tuple(_assemble(sink, timestamp, label))
    return ExtentFile(_patched(extents, sorted(patches, key=lambda patch: patch.offset)))


def _assemble(sink: _Sink, timestamp: int, label: str) -> Iterator[Extent]:
    holes = sorted(sink.holes_at, key=lambda hole: hole[0])
    structures = _Structures(sink.bytes_at, dated=timestamp)
    position = 0
    for offset, content in holes:
        yield from structures.between(position, offset, label)
        yield content
        position = offset + content.length
    yield from structures.between(position, sink.end, label)


class _Structures:
    """The bytes pycdlib wrote, by block, with their dates set."""

    def __init__(self, writes: list[tuple[int, bytes]], *, dated: int) -> None:
        self._blocks: dict[int, bytearray] = {}
        for offset, data in writes:
            self._put(offset, data)
        _Dates(self._blocks, dated).set_all()

    def _put(self, offset: int, data: bytes) -> None:
        while data:
            number, start = divmod(offset, BLOCK)
            block = self._blocks.setdefault(number, bytearray(BLOCK))
            taken = data[: BLOCK - start]
            block[start : start + len(taken)] = taken
            offset += len(taken)
            data = data[len(taken) :]

    def between(self, start: int, end: int, label: str) -> Iterator[Extent]:
        """The bytes from start to end; what is nothing but zeros is shared."""
        while start < end:
            number, inside = divmod(start, BLOCK)
            length = min(BLOCK - inside, end - start)
            block = self._blocks.get(number, b"")
            data = bytes(block[inside : inside + length]).rstrip(b"\0")
            zeros = (length - len(data)) // ZERO_UNIT * ZERO_UNIT
            if zeros < length:
                yield Inline(data=data.ljust(length - zeros, b"\0"), label=label)
            if zeros:
                yield Inline(data=_zeros(zeros), shared=True)
            start += length


@functools.cache
def _zeros(length: int) -> bytes:
    return bytes(length)


class _Dates:
    """Sets every date of an ISO 9660 image (ECMA-119, 8.4.26 and 9.1.5; Rock Ridge TF, RRIP 4.1.6)."""

    def __init__(self, blocks: dict[int, bytearray], timestamp: int) -> None:
        moment = datetime.fromtimestamp(timestamp, UTC)
        self._blocks = blocks
        self._long = moment.strftime("%Y%m%d%H%M%S").encode() + b"00\0"
        self._short = bytes(
            (moment.year - 1900, moment.month, moment.day, moment.hour, moment.minute, moment.second, 0)
        )

    def set_all(self) -> None:
        """Walk from each volume descriptor through all directories."""
        for number in range(16, 32):
            descriptor = self._blocks.get(number)
            if descriptor is None or descriptor[1:6] != b"CD001" or descriptor[0] == 0xFF:
                return
            if descriptor[0] in {1, 2}:
                self._set_descriptor(descriptor)

    def _set_descriptor(self, descriptor: bytearray) -> None:
        # Creation, modification, effective; the expiration between them stays unset.
        for offset in (813, 830, 864):
            descriptor[offset : offset + 17] = self._long
        descriptor[156 + 18 : 156 + 25] = self._short
        extent, length = _location(descriptor, 156)
        self._set_directory(extent, length)

    def _set_directory(self, extent: int, length: int) -> None:
        for number in range(extent, extent + -(-length // BLOCK)):
            for start, size in _records(self._blocks[number]):
                self._set_record(self._blocks[number], start, size)

    def _set_record(self, block: bytearray, start: int, size: int) -> None:
        block[start + 18 : start + 25] = self._short
        name_length = block[start + 32]
        # The system use part stands after the name, on an even offset (ECMA-119, 9.1.12).
        self._set_system_use(block, start + 33 + name_length + (name_length + 1) % 2, start + size)
        name = bytes(block[start + 33 : start + 33 + name_length])
        if block[start + 25] & 2 and name not in {b"\0", b"\1"}:
            self._set_directory(*_location(block, start))

    def _set_system_use(self, block: bytearray, position: int, end: int) -> None:
        while position + 4 <= end and block[position + 2] >= 4:
            kind, size = bytes(block[position : position + 2]), block[position + 2]
            if kind == b"TF":
                stamps = (size - 5) // 7
                block[position + 5 : position + 5 + 7 * stamps] = self._short * stamps
            elif kind == b"CE":
                number, offset, length = (
                    struct.unpack_from("<L", block, position + at)[0] for at in (4, 12, 20)
                )
                self._set_system_use(self._blocks[number], offset, offset + length)
            position += size


def _location(block: bytearray, start: int) -> tuple[int, int]:
    """First block and length in bytes of what a directory record points to."""
    extent: int = struct.unpack_from("<L", block, start + 2)[0]
    length: int = struct.unpack_from("<L", block, start + 10)[0]
    return extent, length


def _records(block: bytearray) -> Iterator[tuple[int, int]]:
    """Offset and size of each directory record of a block; records do not cross blocks."""
    position = 0
    while position < BLOCK and (size := block[position]):
        yield position, size
        position += size


def _patched(extents: tuple[Extent, ...], patches: list[Patch]) -> tuple[Extent, ...]:
    result: list[Extent] = []
    position = 0
    for extent in extents:
        inside = [patch for patch in patches if position <= patch.offset < position + extent.length]
        result += _patch_extent(extent, [Patch(each.offset - position, each.data) for each in inside])
        position += extent.length
    return tuple(result)


def _patch_extent(extent: Extent, patches: list[Patch]) -> Iterator[Extent]:
    start = 0
    for patch in patches:
        yield part_of(extent, start, patch.offset - start)
        yield Inline(data=patch.data, label=extent.label)
        start = patch.offset + len(patch.data)
    yield part_of(extent, start, extent.length - start) if start else extent


def part_of(extent: Extent, start: int, length: int) -> Extent:
    """`length` bytes of an extent from `start` on."""
    match extent:
        case Inline():
            return Inline(data=extent.data[start : start + length], label=extent.label, shared=extent.shared)
        case FileRange():
            return FileRange(
                path=extent.path, offset=extent.offset + start, length=length, label=extent.label
            )
