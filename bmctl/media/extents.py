"""A file that exists as a list of extents: bytes made for one node, and ranges of files all nodes share."""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """Bytes held in memory. `label` names what they are, for events and evidence."""

    data: bytes = field(repr=False)
    label: str = ""

    @property
    def length(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRange:
    """`length` bytes of a file on disk from `offset` on."""

    path: Path
    offset: int
    length: int
    label: str = ""


Extent = Inline | FileRange


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one extent: `start` counts from the extent's own beginning."""

    extent: Extent
    start: int
    length: int


class ExtentFile:
    """An immutable file made of extents laid end to end."""

    def __init__(self, extents: tuple[Extent, ...]) -> None:
        self.extents = tuple(extent for extent in extents if extent.length)
        self._starts: list[int] = []
        position = 0
        for extent in self.extents:
            self._starts.append(position)
            position += extent.length
        self.size = position

    def pieces(self, offset: int, length: int) -> Iterator[Piece]:
        """The parts of extents that make up the `length` bytes from `offset` on, cut at the end."""
        end = min(offset + length, self.size)
        index = bisect.bisect_right(self._starts, offset) - 1
        while offset < end:
            start = offset - self._starts[index]
            taken = min(self.extents[index].length - start, end - offset)
            yield Piece(self.extents[index], start, taken)
            offset += taken
            index += 1

    def read(self, offset: int, length: int) -> bytes:
        """The bytes themselves; for tests and small ranges."""
        return b"".join(read_piece(piece) for piece in self.pieces(offset, length))

    @property
    def private_bytes(self) -> int:
        """Bytes held in memory for this file alone."""
        return sum(extent.length for extent in self.extents if isinstance(extent, Inline))

    def labels(self) -> dict[str, int]:
        """Each labelled part with its length in bytes, in the order of the file."""
        lengths: dict[str, int] = {}
        for extent in self.extents:
            if extent.label:
                lengths[extent.label] = lengths.get(extent.label, 0) + extent.length
        return lengths


def read_piece(piece: Piece) -> bytes:
    """The bytes of one piece."""
    match piece.extent:
        case Inline(data=data):
            return data[piece.start : piece.start + piece.length]
        case FileRange(path=path, offset=offset):
            with path.open("rb") as source:
                return os.pread(source.fileno(), piece.length, offset + piece.start)
