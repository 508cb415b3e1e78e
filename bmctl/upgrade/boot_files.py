"""The files that machines were last booted with, remembered by digest: a change of one can be told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bmctl.errors import BmctlError
from bmctl.store.directory import StateDirectory
from bmctl.store.document import read_record
from bmctl.store.interface import Store

KEY = "files/boot"
# Files that nobody uses any more are forgotten, the ones used longest ago first.
_KEPT = 64
# How exactly it is remembered when a file was used, in seconds.
_FRESH = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedFile:
    """A file as it was when a machine was booted with it; `used` is in seconds since the epoch."""

    sha256: str
    size: int
    mtime_ns: int
    inode: int
    used: float


def used_files(directory: StateDirectory) -> Mapping[Path, UsedFile]:
    """What is remembered, by path."""
    record = read_record(directory.record_path(KEY), KEY, staging=directory.staging)
    return _read(record.value) if record is not None else {}


def remember(store: Store, paths: Iterable[Path], *, now: float) -> None:
    """Remember the files as they are now; one that is the same as before is not read again.

    A record that says the same already, and not long ago, stays as it is.
    """
    record = store.get(KEY)
    known = _read(record.value) if record is not None else {}
    present = sorted({path.absolute() for path in paths if path.is_file()})
    found = {path: _look_at(path, known.get(path), now) for path in present}
    if all(path in known and _is_fresh(path, known[path], now) for path in found):
        return
    store.update(KEY, lambda value: _write({**_read(value), **found}))


def is_same(path: Path, used: UsedFile) -> bool:
    """Whether the file was not written since, going by what the file system says."""
    status = path.stat()
    return (status.st_size, status.st_mtime_ns, status.st_ino) == (used.size, used.mtime_ns, used.inode)


def sha256_of(path: Path) -> str:
    """The digest of the file's content, in lower-case hex."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BmctlError(f"cannot read {path}: {error.strerror}") from error


def _is_fresh(path: Path, known: UsedFile, now: float) -> bool:
    return is_same(path, known) and now - known.used < _FRESH


def _look_at(path: Path, known: UsedFile | None, now: float) -> UsedFile:
    if known is not None and is_same(path, known):
        return UsedFile(**{**asdict(known), "used": now})
    status = path.stat()
    return UsedFile(
        sha256=sha256_of(path),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
        used=now,
    )


def _read(value: Mapping[str, Any]) -> dict[Path, UsedFile]:
    return {Path(path): UsedFile(**used) for path, used in value.get("files", {}).items()}


def _write(files: Mapping[Path, UsedFile]) -> dict[str, Any]:
    newest = sorted(files, key=lambda path: files[path].used, reverse=True)[:_KEPT]
    return {"files": {str(path): asdict(files[path]) for path in sorted(newest)}}
