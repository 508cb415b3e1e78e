"""Shared libraries: those that no program names any more, once others were left out, go out too."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

LOADED_BY_NAME: Final = ("ld-linux", "libudev.so", "libkmod.so", "libnss_", "libresolv.so", "libgcc_s.so")
"""Libraries that programs open at run time, so that no file's header names them.

libkmod is what the device manager loads drivers with; since systemd 256 it opens it so.
"""

LOAD, DYNAMIC = 1, 2
NEEDED, STRINGS, NAME = 1, 5, 14
"""Numbers of the ELF specification: segment types, and tags of the dynamic section."""


def drop_unused(tree: Path) -> None:
    """Delete the libraries of the tree that nothing in it needs."""
    places = sorted((tree / "usr/lib").glob("*-linux-gnu"))
    libraries = [path for place in places for path in sorted(place.glob("lib*.so*"))]
    others = [path for path in (tree / "usr").rglob("*") if path not in set(libraries)]
    roots = [path for path in others if path.is_file() and not path.is_symlink()]
    needs = {path: needed(path) for path in [*roots, *libraries] if path.is_file()}
    kept = reachable({path.name: needs.get(path, ()) for path in libraries}, (needs[root] for root in roots))
    files = {path.resolve() for path in libraries if path.name in kept}
    for path in libraries:
        if path.resolve() not in files and path.name not in kept:
            path.unlink()


def reachable(needs: Mapping[str, Iterable[str]], roots: Iterable[Iterable[str]]) -> frozenset[str]:
    """The names that the roots need, and what those need in turn."""
    kept: set[str] = set()
    wanted = {name for names in roots for name in names}
    wanted |= {name for name in needs if name.startswith(LOADED_BY_NAME)}
    while wanted:
        kept |= wanted
        wanted = {each for name in wanted for each in needs.get(name, ())} - kept
    return frozenset(kept)


def needed(path: Path) -> tuple[str, ...]:
    """The libraries that a 64-bit little-endian ELF file names; none for any other file."""
    with path.open("rb") as source:
        if source.read(6) != b"\x7fELF\x02\x01":
            return ()
    content = path.read_bytes()
    segments = _segments(content)
    entries = [
        entry
        for kind, _, offset, size in segments
        if kind == DYNAMIC
        for entry in _dynamic(content, offset, size)
    ]
    strings = next((_offset(segments, value) for tag, value in entries if tag == STRINGS), 0)
    return tuple(_text(content, strings + value) for tag, value in entries if tag == NEEDED)


def _segments(content: bytes) -> list[tuple[int, int, int, int]]:
    """Type, virtual address, file offset and size in the file of each segment."""
    (table,) = struct.unpack_from("<Q", content, 32)
    length, count = struct.unpack_from("<HH", content, 54)
    found = []
    for number in range(count):
        kind, _, offset, address, _, size = struct.unpack_from("<LLQQQQ", content, table + number * length)
        found.append((kind, address, offset, size))
    return found


def _dynamic(content: bytes, offset: int, size: int) -> list[tuple[int, int]]:
    return list(struct.iter_unpack("<QQ", content[offset : offset + size // 16 * 16]))


def _offset(segments: list[tuple[int, int, int, int]], address: int) -> int:
    """Where in the file a virtual address lies."""
    for kind, start, offset, size in segments:
        if kind == LOAD and start <= address < start + size:
            return address - start + offset
    return 0


def _text(content: bytes, start: int) -> str:
    return content[start : content.index(b"\0", start)].decode()
