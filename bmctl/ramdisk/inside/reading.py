"""Reads a disk past the kernel's memory of it, and digests what is there, in several threads.

The digest of a range is the SHA-256 of the SHA-256s of its blocks of 1 MiB (the last one may be shorter), so
that threads can share a range and still read the disk in order.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

BLOCK: Final = 2**20
ZEROS: Final = bytes(BLOCK)
SAMPLES: Final = 2**16
"""Distance of the bytes that are looked at before a block is compared with zeros."""
ALIGNMENT: Final = 4096
"""Direct reads start and end at multiples of a sector; no disk has larger ones."""
MOST_THREADS: Final = 8

Range = tuple[int, int]
"""Offset and size, in bytes."""


class Disk:
    """An open disk or file; `direct` says that reads come from the device and not from memory.

    Use it as a context manager. Raises OSError where it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.direct = True
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
        except OSError:
            self.direct = False
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
        self._own = threading.local()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def read(self, offset: int, size: int) -> memoryview:
        """At most a block's worth of bytes; valid until the same thread reads again.

        Raises EOFError where the disk ends before.
        """
        if offset < 0 or not 0 <= size <= BLOCK or offset + size > self.size:
            raise EOFError(f"no {size} bytes at byte {offset} of a disk of {self.size} bytes")
        start = offset - offset % ALIGNMENT
        end = min(offset + size + -(offset + size) % ALIGNMENT, self.size)
        view, done = self._buffer(), 0
        while start + done < end:
            count = os.preadv(self._descriptor, [view[done : end - start]], start + done)
            if not count:
                raise EOFError(f"the disk ends at byte {start + done}")
            done += count
        return view[offset - start : offset - start + size]

    def _buffer(self) -> memoryview:
        """The memory of the calling thread, which begins on a page as direct reads want it."""
        view: memoryview | None = getattr(self._own, "view", None)
        if view is None:
            view = self._own.view = memoryview(mmap.mmap(-1, BLOCK + 2 * ALIGNMENT))
        return view


def digest_ranges(disk: Disk, ranges: Iterable[Range], *, threads: int | None = None) -> list[bytes]:
    """The digest of each range, in order."""
    wanted = [list(blocks(*each)) for each in ranges]
    todo = enumerate(block for each in wanted for block in each)
    found = [b""] * sum(map(len, wanted))
    lock, ended = threading.Lock(), threading.Event()

    def work() -> None:
        try:
            while not ended.is_set():
                with lock:
                    number, block = next(todo, (-1, (0, 0)))
                if number < 0:
                    return
                found[number] = digest_block(disk.read(*block))
        except BaseException:
            ended.set()
            raise

    count = threads or min(MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(count) as pool:
        for worker in [pool.submit(work) for _ in range(count)]:
            worker.result()
    digests = iter(found)
    return [hashlib.sha256(b"".join(next(digests) for _ in each)).digest() for each in wanted]


def digest_block(block: memoryview) -> bytes:
    """The SHA-256 of a block; that of zeros, of which images are full, is known already."""
    if not any(block[::SAMPLES]) and bytes(block) == ZEROS[: len(block)]:
        return _digest_of_zeros(len(block))
    return hashlib.sha256(block).digest()


@cache
def _digest_of_zeros(size: int) -> bytes:
    return hashlib.sha256(ZEROS[:size]).digest()


def blocks(offset: int, size: int) -> Iterator[Range]:
    """A range in blocks."""
    return pieces(offset, size, BLOCK)


def pieces(offset: int, size: int, piece: int) -> Iterator[Range]:
    """A range in pieces of the same size; the last one may be smaller."""
    for start in range(offset, offset + size, piece):
        yield start, min(piece, offset + size - start)
