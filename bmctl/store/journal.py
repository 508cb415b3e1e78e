"""The journal of a run: facts in the order they happened, each on disk before the next thing happens.

One JSON object per line. The first line is the header: what run this is. A last line that was not
written whole never happened.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bmctl.errors import BmctlError, BusyError
from bmctl.store.durable import PRIVATE_FILE, sync_directory

FORMAT = 1
_RESERVED = frozenset({"at", "kind"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened: `at` is in seconds since the epoch, `fields` is what was said of it."""

    at: float
    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A journal as it was at the moment of reading; `length` is in bytes of whole lines."""

    header: Mapping[str, Any]
    facts: tuple[Fact, ...]
    length: int


class Journal:
    """A journal being written. One writer at a time; close it, or use it in a `with` block.

    `add` waits for the disk, some milliseconds.
    """

    def __init__(self, path: Path, descriptor: int, story: Story, clock: Callable[[], float]) -> None:
        self.path = path
        self.header = story.header
        self._facts = list(story.facts)
        self._length = story.length
        self._descriptor = descriptor
        self._clock = clock
        self._writing = threading.Lock()

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any], *, clock: Callable[[], float]) -> Self:
        """Begin the journal of a new run, mode 0600, in a directory that exists."""
        descriptor = _open(path, os.O_CREAT | os.O_EXCL)
        journal = cls(path, descriptor, Story(header=dict(header), facts=(), length=0), clock)
        try:
            journal._append({"journal": FORMAT, **header})
            sync_directory(path.parent)
        except BaseException:
            journal.close()
            raise
        return journal

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], float]) -> Self:
        """Go on with a journal, without its last line if that was torn."""
        descriptor = _open(path, 0)
        try:
            story = read_journal(path)
            os.ftruncate(descriptor, story.length)
            os.fsync(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor, story, clock)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Every fact so far, the oldest first."""
        return tuple(self._facts)

    def add(self, kind: str, /, **fields: Any) -> Fact:
        """Note a fact; it is on disk when this returns. Values are what JSON can hold."""
        if taken := _RESERVED & fields.keys():
            raise ValueError(f"a fact's own field cannot be called {', '.join(sorted(taken))}")
        with self._writing:
            fact = Fact(at=self._clock(), kind=kind, fields=fields)
            self._append({"at": fact.at, "kind": kind, **fields})
            self._facts.append(fact)
        return fact

    def close(self) -> None:
        """Let others write; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _append(self, content: Mapping[str, Any]) -> None:
        line = json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                written += os.write(self._descriptor, line[written:])
            os.fsync(self._descriptor)
        except OSError as error:
            # A half line in the middle would make every later fact unreadable.
            os.ftruncate(self._descriptor, self._length)
            raise BmctlError(f"cannot write {self.path}: {error.strerror}") from error
        self._length += written


def read_journal(path: Path) -> Story:
    """The journal so far; fine while another process appends to it.

    `BmctlError` if there is none, if its header was never finished, or if a line in its middle is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BmctlError(f"there is no journal at {path}") from None
    except OSError as error:
        raise BmctlError(f"cannot read {path}: {error.strerror}") from error
    objects, length = _whole_lines(content, path)
    if not objects:
        raise BmctlError(
            f"the journal {path} has no header: its run ended before it began",
            hint="nothing was done to the machine; start the command again",
        )
    header, *facts = objects
    if header.pop("journal", None) != FORMAT:
        raise BmctlError(f"{path} is not a journal this bmctl knows", hint="use the bmctl that wrote it")
    return Story(header=header, facts=tuple(_fact(item) for item in facts), length=length)


def _whole_lines(content: bytes, path: Path) -> tuple[list[dict[str, Any]], int]:
    """The objects of all lines that were written whole, and the length of those lines in bytes."""
    objects: list[dict[str, Any]] = []
    length = 0
    lines = content.split(b"\n")
    # What stands after the last newline was not written whole.
    for number, line in enumerate(lines[:-1], start=1):
        found = _parse(line)
        if found is None:
            # After a power cut the last line can have its length and not its bytes.
            if number == len(lines) - 1:
                break
            raise BmctlError(f"the journal {path} is damaged in line {number}")
        objects.append(found)
        length += len(line) + 1
    return objects, length


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _fact(item: dict[str, Any]) -> Fact:
    return Fact(at=item.pop("at", 0.0), kind=item.pop("kind", ""), fields=item)


def _open(path: Path, extra_flags: int) -> int:
    """A descriptor for appending that no other process has."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | extra_flags, PRIVATE_FILE)
    except FileNotFoundError:
        raise BmctlError(f"there is no journal at {path}") from None
    except OSError as error:
        raise BmctlError(f"cannot open {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BusyError(f"the journal {path} is being written by another process") from None
    return descriptor
