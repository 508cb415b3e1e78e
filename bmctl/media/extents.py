"""A file that exists as a list of extents: bytes made for one node, and ranges of files all nodes share."""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bmctl.errors import BmctlError

# Large enough that the copying loop costs nothing, small enough to report progress often.
COPY_CHUNK = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """Bytes held in memory. `label` names what they are, for events and evidence.

    `shared` bytes are one object that many files point to; they are not counted as this file's own.
    """

    data: bytes = field(repr=False)
    label: str = ""
    shared: bool = False

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
    """A part of one extent: `start` counts from the extent's own beginning.

    Either `data` is there, or `path` with `offset` into that file.
    """

    extent: Extent
    start: int
    length: int

    @property
    def label(self) -> str:
        return self.extent.label

    @property
    def data(self) -> memoryview | None:
        if isinstance(self.extent, Inline):
            return memoryview(self.extent.data)[self.start : self.start + self.length]
        return None

    @property
    def path(self) -> Path | None:
        return self.extent.path if isinstance(self.extent, FileRange) else None

    @property
    def offset(self) -> int:
        return self.extent.offset + self.start if isinstance(self.extent, FileRange) else 0


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
        return sum(
            extent.length for extent in self.extents if isinstance(extent, Inline) and not extent.shared
        )

    def labels(self) -> dict[str, int]:
        """Each labelled part with its length in bytes, in the order of the file."""
        lengths: dict[str, int] = {}
        for extent in self.extents:
            if extent.label:
                lengths[extent.label] = lengths.get(extent.label, 0) + extent.length
        return lengths


def whole_file(path: Path, *, label: str = "") -> ExtentFile:
    """An existing file as it is; its size is read now and holds from then on."""
    return ExtentFile((FileRange(path=path, offset=0, length=path.stat().st_size, label=label),))


def read_piece(piece: Piece) -> bytes:
    """The bytes of one piece; BmctlError where the file on disk has become shorter."""
    match piece.extent:
        case Inline(data=data):
            return data[piece.start : piece.start + piece.length]
        case FileRange(path=path):
            with path.open("rb") as source:
                source.seek(piece.offset)
                content = source.read(piece.length)
            if len(content) != piece.length:
                raise shrunk(path)
            return content


def write_file(
    file: ExtentFile, destination: Path, *, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write the whole file to `destination`, which appears complete or not at all.

    It is readable by its owner alone, since a boot medium holds keys. `progress` is told (bytes
    written, bytes in all).
    """
    temporary = destination.with_name(f".{destination.name}.{os.getpid()}")
    try:
        temporary.touch(mode=0o600)
        with temporary.open("wb", buffering=0) as target:
            _copy_pieces(file, target.fileno(), progress)
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)


def _copy_pieces(file: ExtentFile, target: int, progress: Callable[[int, int], None] | None) -> None:
    done = 0
    for piece in file.pieces(0, file.size):
        for count in _copy_piece(piece, target):
            done += count
            if progress is not None:
                progress(done, file.size)


def _copy_piece(piece: Piece, target: int) -> Iterator[int]:
    if piece.path is None:
        yield _write_all(target, piece.data or memoryview(b""))
        return
    with piece.path.open("rb", buffering=0) as source:
        offset, left = piece.offset, piece.length
        while left:
            # The kernel copies; nothing passes through this process.
            count = os.sendfile(target, source.fileno(), offset, min(left, COPY_CHUNK))
            if count == 0:
                raise shrunk(piece.path)
            offset += count
            left -= count
            yield count


def _write_all(target: int, data: memoryview) -> int:
    written = 0
    while written < len(data):
        written += os.write(target, data[written:])
    return written


def shrunk(path: Path) -> BmctlError:
    """The error for a file that no longer holds what was laid out."""
    return BmctlError(
        f"{path} became shorter after the boot medium was laid out",
        hint="leave the ramdisk's files alone while machines boot from them, then run the command again",
    )
