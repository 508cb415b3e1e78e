"""The runs of each node in the order they began: a JSON object per line, on disk before the run does a thing.

What a run did is in its own folder; here stands only that there was one. Nothing is ever taken out. A
last line that was not written whole never happened.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from bmctl.errors import BmctlError
from bmctl.store.directory import StateDirectory
from bmctl.store.durable import PRIVATE_FILE, exclusive, make_private_directory, sync_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """A run that began: what it was to do, and when in seconds since the epoch."""

    run: str
    verb: str
    began: float


def remember_run(directory: StateDirectory, node: str, entry: HistoryEntry) -> None:
    """Add a run to the node's history; it is on disk when this returns.

    `BmctlError` where the disk takes no more.
    """
    path = directory.history_path(node)
    make_private_directory(path.parent)
    line = json.dumps(asdict(entry), separators=(",", ":")).encode() + b"\n"
    try:
        with exclusive(path.with_suffix(".guard")):
            _append(path, line)
            sync_directory(path.parent)
    except OSError as error:
        raise BmctlError(f"cannot write {path}: {error.strerror}") from error


def remembered_runs(directory: StateDirectory, node: str) -> tuple[HistoryEntry, ...]:
    """The node's runs, the oldest first; fine while another process adds one."""
    path = directory.history_path(node)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise BmctlError(f"cannot read {path}: {error.strerror}") from error
    # What stands after the last newline was not written whole.
    found = (_entry(line) for line in content.split(b"\n")[:-1])
    return tuple(entry for entry in found if entry is not None)


def _append(path: Path, line: bytes) -> None:
    """Write a line after the last whole one; a line that the disk cut short is taken back."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        whole = _length_of_whole_lines(descriptor)
        os.ftruncate(descriptor, whole)
        try:
            written = os.write(descriptor, line)
            if written < len(line):
                os.write(descriptor, line[written:])
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, whole)
            raise
    finally:
        os.close(descriptor)


def _length_of_whole_lines(descriptor: int) -> int:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).rfind(b"\n") + 1


def _entry(line: bytes) -> HistoryEntry | None:
    """The entry of a line; None where a power cut left the line's length and not its bytes."""
    try:
        found = json.loads(line)
        return HistoryEntry(run=str(found["run"]), verb=str(found["verb"]), began=float(found["began"]))
    except (ValueError, KeyError, TypeError):
        return None
