"""A writer for the archive that a Linux kernel unpacks as its first root file system.

The format is "newc" (kernel documentation, driver-api/early-userspace/buffer-format). Owner is always root
and times are one constant, so that the same tree gives the same bytes whoever packs it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

MAGIC: Final = b"070701"
TRAILER: Final = "TRAILER!!!"
CHUNK: Final = 1 << 20


class Sink(Protocol):
    """Takes all the bytes it is given."""

    def write(self, data: bytes, /) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member. `content` is the link's target for links, else a file to read, else nothing."""

    name: str
    mode: int
    size: int = 0
    content: Path | bytes = b""
    device: tuple[int, int] = (0, 0)


DEVICES: Final = (
    Entry(name="dev/console", mode=stat.S_IFCHR | 0o600, device=(5, 1)),
    Entry(name="dev/null", mode=stat.S_IFCHR | 0o666, device=(1, 3)),
)
"""What init needs before /dev is mounted; listed here so that packing needs no privilege."""


def entries(tree: Path) -> Iterator[Entry]:
    """Every member of a directory tree in sorted order, and the device nodes of an early /dev."""
    found = [entry(tree, path) for path in tree.rglob("*")]
    yield from sorted([*found, *DEVICES], key=lambda each: each.name)


def entry(tree: Path, path: Path) -> Entry:
    """A file, directory or link of the tree; modes lose what the packer's umask took away."""
    name, state = path.relative_to(tree).as_posix(), path.lstat()
    if stat.S_ISLNK(state.st_mode):
        target = os.fsencode(path.readlink())
        return Entry(name=name, mode=stat.S_IFLNK | 0o777, size=len(target), content=target)
    if stat.S_ISDIR(state.st_mode):
        return Entry(name=name, mode=stat.S_IFDIR | 0o755)
    executable = 0o111 if state.st_mode & 0o100 else 0
    return Entry(name=name, mode=stat.S_IFREG | 0o644 | executable, size=state.st_size, content=path)


def write(tree: Path, out: Sink, *, timestamp: int) -> None:
    """Write the tree as one archive."""
    for number, each in enumerate([*entries(tree), Entry(name=TRAILER, mode=0)], start=1):
        _write_entry(out, each, number=number, timestamp=timestamp)


def _write_entry(out: Sink, each: Entry, *, number: int, timestamp: int) -> None:
    name = os.fsencode(each.name) + b"\0"
    links = 2 if stat.S_ISDIR(each.mode) else 1
    fields = (number, each.mode, 0, 0, links, timestamp, each.size, 0, 0, *each.device, len(name), 0)
    header = MAGIC + b"".join(b"%08X" % field for field in fields) + name
    out.write(header + _padding(len(header)))
    _write_content(out, each)
    out.write(_padding(each.size))


def _write_content(out: Sink, each: Entry) -> None:
    if isinstance(each.content, bytes):
        out.write(each.content)
        return
    with each.content.open("rb") as source:
        while chunk := source.read(CHUNK):
            out.write(chunk)


def _padding(length: int) -> bytes:
    return bytes(-length % 4)


class Counted:
    """A stream that tells, about once per chunk, how many bytes have gone through it."""

    def __init__(self, out: Sink, *, tell: Callable[[int], None]) -> None:
        self._out = out
        self._tell = tell
        self._done = 0
        self._told = 0

    def write(self, data: bytes) -> int:
        """Hand the bytes on."""
        self._out.write(data)
        self._done += len(data)
        if self._done - self._told >= CHUNK:
            self._told = self._done
            self._tell(self._done)
        return len(data)
