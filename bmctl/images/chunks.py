"""Which parts of a raw image must be on a disk byte for byte, and their digests; made once for each image.

The digest of a chunk is the SHA-256 of the SHA-256s of its blocks of 1 MiB, as the ramdisk makes it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

from bmctl.images.files import hash_file
from bmctl.images.progress import ImageStage, Meter, in_thread

BLOCK = 2**20
ZEROS = bytes(BLOCK)
SMALLEST_CHUNK = 2**20
# So that an agent's answer about the largest image stays small.
MOST_CHUNKS = 256
THREADS = min(4, os.cpu_count() or 1)
# Changes when chunks are cut or digested in another way: digests kept by an earlier version are not used.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Extent:
    """A stretch of bytes, of an image or a disk."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.size

    def overlaps(self, other: Extent) -> bool:
        """Whether both have a byte in common."""
        return self.offset < other.end and other.offset < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """An extent of an image and its digest, in hex."""

    extent: Extent
    digest: str


def cut(size: int, *, at: Iterable[int] = (), without: Iterable[Extent] = ()) -> tuple[Extent, ...]:
    """The bytes of an image of this size in pieces of like size, without some extents.

    None of the pieces goes over a byte in `at` or a border of what is left out.
    """
    chunk = SMALLEST_CHUNK
    while size > chunk * MOST_CHUNKS:
        chunk *= 2
    gaps = tuple(without)
    borders = {0, size, *range(0, size, chunk), *at}
    borders.update(border for gap in gaps for border in (gap.offset, gap.end))
    inside = sorted(border for border in borders if 0 <= border <= size)
    pieces = (Extent(offset=start, size=end - start) for start, end in pairwise(inside))
    return tuple(piece for piece in pieces if not any(piece.overlaps(gap) for gap in gaps))


def runs(extents: Iterable[Extent]) -> tuple[tuple[int, int, int], ...]:
    """The same extents in few words: offset, size, and the size of the pieces that follow one another."""
    found: list[tuple[int, int, int]] = []
    for extent in extents:
        offset, size, piece = found[-1] if found else (-1, 0, 1)
        if offset + size == extent.offset and size % piece == 0 and extent.size <= piece:
            found[-1] = (offset, size + extent.size, piece)
        else:
            found.append((extent.offset, extent.size, extent.size))
    return tuple(found)


def halves(extent: Extent, *, smallest: int, most: int = MOST_CHUNKS) -> tuple[Extent, ...]:
    """An extent in pieces of at least `smallest` bytes (the last may be shorter), at most `most` of them."""
    piece = smallest
    while extent.size > piece * most:
        piece *= 2
    starts = range(extent.offset, extent.end, piece)
    return tuple(Extent(offset=start, size=min(piece, extent.end - start)) for start in starts)


@cache
def _digest_of_zeros(size: int) -> bytes:
    """Images are full of zeros, and to compare is much less work than to digest."""
    return hashlib.sha256(ZEROS[:size]).digest()


def digest_of(descriptor: int, extent: Extent) -> str:
    """The digest of an extent of an open file. Raises ValueError where the file ends before."""
    outer = hashlib.sha256()
    for start in range(extent.offset, extent.end, BLOCK):
        wanted = min(BLOCK, extent.end - start)
        block = os.pread(descriptor, wanted, start)
        if len(block) != wanted:
            raise ValueError(f"the file ends before byte {start + wanted}")
        outer.update(_digest_of_zeros(wanted) if block == ZEROS[:wanted] else hashlib.sha256(block).digest())
    return outer.hexdigest()


async def digest_extents(path: Path, extents: Iterable[Extent]) -> tuple[Chunk, ...]:
    """The chunks of a file, digested in several threads; those not begun are dropped when cancelled."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="digest") as threads, path.open("rb") as file:

        def digest(extent: Extent) -> Chunk:
            return Chunk(extent=extent, digest=digest_of(file.fileno(), extent))

        return tuple(await asyncio.gather(*(loop.run_in_executor(threads, digest, each) for each in extents)))


async def known_chunks(
    path: Path, sha256: str, extents: Sequence[Extent], *, cache: Path
) -> tuple[Chunk, ...]:
    """Digests of extents of the raw image at `path` whose SHA-256 is known, kept in `cache`.

    With an empty `sha256` nothing is kept.
    """
    kept = cache / "chunks" / f"{sha256}.json"
    if sha256 and (known := read_chunks(kept, extents)) is not None:
        return known
    chunks = await digest_extents(path, extents)
    if sha256:
        write_chunks(kept, chunks)
    return chunks


async def digest_file(path: Path) -> str:
    """The SHA-256 of a file as it is now, in hex."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="digest") as executor:
        meter = Meter(ImageStage.VERIFY, path.stat().st_size)
        found = await in_thread(executor, partial(hash_file, path, {"sha256"}), meter, lambda _: None)
    return found["sha256"]


def read_chunks(path: Path, extents: Iterable[Extent]) -> tuple[Chunk, ...] | None:
    """Chunks as `write_chunks` wrote them, None where the file is missing, damaged or of other extents."""
    try:
        kept = json.loads(path.read_bytes())
        chunks = tuple(
            Chunk(extent=Extent(offset=offset, size=size), digest=str(digest))
            for offset, size, digest in kept["chunks"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = (kept.get("version"), kept.get("block")) == (VERSION, BLOCK) and tuple(
        chunk.extent for chunk in chunks
    ) == tuple(extents)
    return chunks if same else None


def write_chunks(path: Path, chunks: Iterable[Chunk]) -> None:
    """Keep the digests of an image; the file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows = [[chunk.extent.offset, chunk.extent.size, chunk.digest] for chunk in chunks]
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps({"version": VERSION, "block": BLOCK, "chunks": rows}))
    temporary.replace(path)
