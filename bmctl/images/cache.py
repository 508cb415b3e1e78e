"""Prepared images on disk, found by the checksum of their source; safe with several processes at once.

`objects/` holds raw images and what is known of each, `facts/` the checksums of local files by path and
stamp, so that an unchanged file is read only once, `proofs/` which content was seen to carry which signature.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bmctl.images.files import Stamp
from bmctl.model.image import Checksum, Compression, ImageFormat

LOCK_PAUSE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A prepared raw image and what its source was.

    `sha256` is the raw image's; `source_sha256` that of what it was made of, and `name` the file name of
    that; both empty where they were not kept.
    """

    path: Path
    size: int
    sha256: str
    source_sha256: str = ""
    name: str = ""
    format: ImageFormat
    compression: Compression | None


class ImageCache:
    """A directory that bmctl alone writes to; it is made when missing."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._objects = directory / "objects"
        self._facts = directory / "facts"
        self._proofs = directory / "proofs"
        for path in (self._objects, self._facts, self._proofs):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    @asynccontextmanager
    async def locked(self, key: Checksum) -> AsyncIterator[None]:
        """Hold the only right to make the entry for this checksum; what a killed maker left is removed."""
        lock = self._objects / f"{_name(key)}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _try_lock(descriptor):  # noqa: ASYNC110 - the holder may be another process
                await asyncio.sleep(LOCK_PAUSE)
            self._sweep(key)
            try:
                yield
            finally:
                self._sweep(key)
        finally:
            os.close(descriptor)

    def temporary(self, key: Checksum, purpose: str) -> Path:
        """A path for a file that lasts no longer than the lock."""
        return self._objects / f"{_name(key)}.{purpose}.part"

    def _sweep(self, key: Checksum) -> None:
        for leftover in self._objects.glob(f"{_name(key)}.*.part"):
            leftover.unlink(missing_ok=True)

    def find(self, key: Checksum) -> Entry | None:
        """The entry for a source with this checksum; None where there is none, or it is not whole."""
        entry = read_entry(self._objects / f"{_name(key)}.raw")
        if entry is not None:
            with suppress(OSError):  # another user's cache is fine to read
                os.utime(_facts_of(entry.path))
        return entry

    def entries(self) -> tuple[tuple[Entry, float], ...]:
        """Every entry with the time of its last use, in seconds since 1970, oldest first."""
        found = (entry for path in self._objects.glob("*.raw") if (entry := read_entry(path)))
        return tuple(
            sorted(
                ((entry, _facts_of(entry.path).stat().st_mtime) for entry in found), key=lambda pair: pair[1]
            )
        )

    def drop(self, entry: Entry) -> bool:
        """Remove an entry and what is left of killed makers; false where one is at work on it now."""
        stem = entry.path.with_suffix("")
        with stem.with_suffix(".lock").open("a") as lock:
            if not _try_lock(lock.fileno()):
                return False
            for path in (_facts_of(entry.path), entry.path, *self._objects.glob(f"{stem.name}.*.part")):
                path.unlink(missing_ok=True)
        return True

    def add(self, key: Checksum, made: Entry) -> Entry:
        """Move a finished file into the cache; what was there for the same checksum is replaced."""
        path = self._objects / f"{_name(key)}.raw"
        made.path.replace(path)
        facts = {
            "size": made.size,
            "sha256": made.sha256,
            "source_sha256": made.source_sha256,
            "name": made.name,
            "format": made.format,
            "compression": made.compression,
        }
        _write_json(_facts_of(path), facts)
        return replace(made, path=path)

    def known_digests(self, path: Path, stamp: Stamp) -> dict[str, str]:
        """Digests of a local file by algorithm, if it had this stamp when they were computed."""
        facts = _read_json(self._facts_file(path))
        digests = facts.get("digests")
        if facts.get("stamp") != list(stamp) or not isinstance(digests, dict):
            return {}
        return {str(name): str(value) for name, value in digests.items()}

    def remember_digests(self, path: Path, stamp: Stamp, digests: dict[str, str]) -> None:
        """Keep digests of a local file that had this stamp when it was read."""
        known = self.known_digests(path, stamp)
        _write_json(self._facts_file(path), {"stamp": stamp, "digests": known | digests})

    def is_proven(self, sha256: str, identity: str) -> bool:
        """Whether content with this digest was seen to carry this signature, in force or not."""
        return self._proof(sha256, identity).exists()

    def remember_proof(self, sha256: str, identity: str) -> None:
        """Keep that content with this digest carries this signature."""
        self._proof(sha256, identity).touch()

    def _proof(self, sha256: str, identity: str) -> Path:
        return self._proofs / hashlib.sha256(f"{sha256} {identity}".encode()).hexdigest()[:32]

    def _facts_file(self, path: Path) -> Path:
        return self._facts / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"


def read_entry(path: Path) -> Entry | None:
    """What is known of a raw image in the cache; None where it is not whole."""
    facts = _read_json(_facts_of(path))
    try:
        entry = Entry(
            path=path,
            size=int(facts["size"]),
            sha256=str(facts["sha256"]),
            source_sha256=str(facts.get("source_sha256", "")),
            name=str(facts.get("name", "")),
            format=ImageFormat(facts["format"]),
            compression=Compression(facts["compression"]) if facts["compression"] else None,
        )
        return entry if path.stat().st_size == entry.size else None
    except (KeyError, ValueError, TypeError, OSError):
        return None


def _facts_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _name(key: Checksum) -> str:
    return f"{key.algorithm}-{key.value}"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps(content))
    temporary.replace(path)
