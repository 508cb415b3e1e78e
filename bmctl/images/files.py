"""Large files: hashed in one pass, written with holes where they are zero."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from bmctl.errors import InvalidError
from bmctl.images.progress import Meter

CHUNK = 2**20
HOLE = 64 * 2**10


def hash_file(path: Path, algorithms: Iterable[str], meter: Meter) -> dict[str, str]:
    """Hex digests of a file by algorithm; raises `InvalidError` where it changes meanwhile."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in set(algorithms)}
    with path.open("rb", buffering=0) as file:
        before = _stamp(os.fstat(file.fileno()))
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        while count := file.readinto(buffer):
            for digest in hashes.values():
                digest.update(view[:count])
            meter.add(count)
        if _stamp(os.fstat(file.fileno())) != before:
            raise InvalidError(f"{path.name} changed while it was read", hint="wait until it is complete")
    return {name: digest.hexdigest() for name, digest in hashes.items()}


def write_sparse(chunks: Iterable[bytes], target: Path, *, limit: int, name: str) -> tuple[int, str]:
    """Write chunks to a new file, leaving holes for zeros; returns its size and SHA-256.

    Raises `InvalidError` once it would pass `limit` bytes.
    """
    digest, size = hashlib.sha256(), 0
    with target.open("xb", buffering=0) as file:
        for chunk in chunks:
            if size + len(chunk) > limit:
                raise too_large(name, limit)
            digest.update(chunk)
            _write_blocks(file.fileno(), chunk, size)
            size += len(chunk)
        os.ftruncate(file.fileno(), size)
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def too_large(name: str, limit: int) -> InvalidError:
    """The error for an image that unpacks to more than anybody expects."""
    return InvalidError(
        f"{name} unpacks to more than {limit / 2**30:.0f} GiB",
        hint="it may be made to fill the disk; unpack it by hand if it is really that large",
    )


def _write_blocks(descriptor: int, chunk: bytes, position: int) -> None:
    view = memoryview(chunk)
    for start in range(0, len(chunk), HOLE):
        block = view[start : start + HOLE]
        if chunk.count(0, start, start + HOLE) == len(block):
            continue
        written = 0
        while written < len(block):
            written += os.pwrite(descriptor, block[written:], position + start + written)


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
