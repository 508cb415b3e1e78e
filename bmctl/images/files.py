"""Large files: hashed in one pass, written with holes where they are zero, known again by their stamp."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from bmctl.errors import InvalidError
from bmctl.images.progress import Meter
from bmctl.images.room import Room

CHUNK = 2**20
HOLE = 64 * 2**10

Stamp: TypeAlias = tuple[int, ...]
"""Changes when a file is written or replaced, also by programs that put its time back."""


def stamp_of(path: Path) -> Stamp:
    """The stamp of the file as it is now."""
    return _stamp(path.stat())


def hash_file(path: Path, algorithms: Iterable[str], meter: Meter) -> dict[str, str]:
    """Hex digests of a file by algorithm; raises `InvalidError` where it changes meanwhile."""
    return hash_stamped(path, algorithms, meter)[0]


def hash_stamped(path: Path, algorithms: Iterable[str], meter: Meter) -> tuple[dict[str, str], Stamp]:
    """As `hash_file`, and the stamp of the file that was read."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in set(algorithms)}
    with path.open("rb", buffering=0) as file:
        before = _stamp(os.fstat(file.fileno()))
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        while count := file.readinto(buffer):
            for digest in hashes.values():
                digest.update(view[:count])
            meter.add(count)
    require_unchanged(path, before)
    return {name: digest.hexdigest() for name, digest in hashes.items()}, before


def require_unchanged(path: Path, stamp: Stamp) -> None:
    """Raise `InvalidError` where a file is no longer the one that had this stamp."""
    if stamp_of(path) != stamp:
        raise InvalidError(f"{path.name} changed while it was read", hint="wait until it is complete")


def write_sparse(chunks: Iterable[bytes], target: Path, *, room: Room) -> tuple[int, str]:
    """Write chunks to a new file, leaving holes for zeros; returns its size and SHA-256.

    Raises what `room` raises once there is none left.
    """
    digest, size, filled = hashlib.sha256(), 0, 0
    with target.open("xb", buffering=0) as file:
        for chunk in chunks:
            room.took(size + len(chunk), filled)
            digest.update(chunk)
            filled += _write_blocks(file.fileno(), chunk, size)
            size += len(chunk)
        room.took(size, filled)
        os.ftruncate(file.fileno(), size)
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _write_blocks(descriptor: int, chunk: bytes, position: int) -> int:
    """Write what is not zero; returns how much that was."""
    view, filled = memoryview(chunk), 0
    for start in range(0, len(chunk), HOLE):
        block = view[start : start + HOLE]
        if chunk.count(0, start, start + HOLE) == len(block):
            continue
        filled += len(block)
        written = 0
        while written < len(block):
            written += os.pwrite(descriptor, block[written:], position + start + written)
    return filled


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
