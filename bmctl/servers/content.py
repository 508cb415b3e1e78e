"""What can be published: anything with a size that can say where its bytes are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class ContentPiece(Protocol):
    """Some bytes in a row: either `data` is there, or `path` with `offset` into that file."""

    @property
    def label(self) -> str: ...

    @property
    def length(self) -> int: ...

    @property
    def data(self) -> memoryview | None: ...

    @property
    def path(self) -> Path | None: ...

    @property
    def offset(self) -> int: ...


class Content(Protocol):
    """An immutable file, which may exist only in pieces."""

    @property
    def size(self) -> int: ...

    def pieces(self, offset: int, length: int) -> Iterator[ContentPiece]:
        """The pieces that make up the `length` bytes from `offset` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePiece:
    """A part of a file on disk."""

    path: Path
    offset: int
    length: int
    label: str = "file"

    @property
    def data(self) -> memoryview | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeFile:
    """A file on disk as it is; its size is read when it is published."""

    path: Path
    size: int

    def pieces(self, offset: int, length: int) -> Iterator[FilePiece]:
        """One piece, cut at the end."""
        taken = min(length, self.size - offset)
        if taken > 0:
            yield FilePiece(path=self.path, offset=offset, length=taken)


def fingerprint(content: Content) -> str:
    """A short text that changes when the content does, without reading the files it is made of."""
    digest = hashlib.sha256(str(content.size).encode())
    for piece in content.pieces(0, content.size):
        if piece.path is None:
            digest.update(piece.data or b"")
            continue
        found = piece.path.stat()
        place = f"{piece.path}:{piece.offset}:{piece.length}:{found.st_size}:{found.st_mtime_ns}"
        digest.update(place.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:24]
