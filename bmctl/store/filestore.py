"""The store of one host: a file per record, guarded by file locks; see `bmctl.store.interface`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bmctl.store.directory import StateDirectory
from bmctl.store.document import read_record, write_record
from bmctl.store.durable import exclusive, make_private_directory, remove_durably
from bmctl.store.interface import ConflictError, Owner, Record, Value
from bmctl.store.locks import FileLock, LockTable, require_fence
from bmctl.store.owner import this_process


class FileStore:
    """Records and locks in a state directory. Holds nothing open; any number may share a directory."""

    def __init__(self, directory: StateDirectory, *, clock: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self._locks = LockTable(directory, clock)

    def get(self, key: str) -> Record | None:
        """The record, None where there is none."""
        return read_record(self.directory.record_path(key), key, staging=self.directory.staging)

    def put(self, key: str, value: Value, *, if_revision: int, fence: int | None = None) -> Record:
        """Replace the value if the record still has this revision; 0 means: if there is none."""
        path = self.directory.record_path(key)
        with exclusive(self._locks.guard(key)):
            present = self._expect(key, if_revision, fence)
            record = Record(key=key, value=dict(value), revision=present + 1)
            if not path.parent.is_dir():
                make_private_directory(path.parent)
            write_record(path, record, staging=self.directory.staging)
        return record

    def delete(self, key: str, *, if_revision: int, fence: int | None = None) -> None:
        """Forget the record, under the conditions of `put`."""
        with exclusive(self._locks.guard(key)):
            present = self._expect(key, if_revision, fence)
            # First, so that no later record of this key gets a revision that somebody still remembers.
            self._locks.write(key, replace(self._locks.read(key), floor=present))
            remove_durably(self.directory.record_path(key))

    def list(self, prefix: str) -> tuple[Record, ...]:
        """The records whose key starts with `prefix`, in the order of their keys."""
        found = (self.get(key) for key in self.keys(prefix))
        return tuple(record for record in found if record)

    def keys(self, prefix: str) -> tuple[str, ...]:
        """The keys that start with `prefix`, sorted."""
        return self.directory.keys(prefix)

    def update(
        self, key: str, change: Callable[[dict[str, Any]], Value], *, fence: int | None = None
    ) -> Record:
        """Put what `change` makes of the present value (empty if none), again after each conflict."""
        while True:
            record = self.get(key)
            value = change(record.value if record else {})
            try:
                return self.put(key, value, if_revision=record.revision if record else 0, fence=fence)
            except ConflictError:
                continue

    def lock(self, key: str, owner: Owner, *, lease: float) -> FileLock:
        """Take the lock of a key, also from a dead owner; `BusyError` if a living one has it."""
        return self._locks.take(key, owner, lease=lease)

    def holder(self, key: str) -> Owner | None:
        """Who holds the lock and lives, None where it is free or its owner is dead."""
        state = self._locks.read(key)
        here = this_process("", since=0.0)
        return None if self._locks.is_stale(state, here) else state.owner

    async def watch(self, key: str, *, interval: float = 0.5) -> AsyncIterator[Record | None]:
        """The record now, and again after each change; None while there is none."""
        path = self.directory.record_path(key)
        seen = _signature(path)
        yield self.get(key)
        while True:
            await asyncio.sleep(interval)
            if (found := _signature(path)) != seen:
                seen = found
                yield self.get(key)

    def _expect(self, key: str, revision: int, fence: int | None) -> int:
        """The revision to count on from; inside the guard, so that it stays true."""
        state = self._locks.read(key)
        if fence is not None:
            require_fence(state, fence, key)
        record = self.get(key)
        present = record.revision if record else 0
        if present != revision:
            name = key.partition("/")[2]
            raise ConflictError(
                f"the record of {name} was changed by somebody else: revision {present}, expected {revision}",
                hint="run the command again",
            )
        return present or state.floor


def open_store(root: Path, *, clock: Callable[[], float] = time.time) -> FileStore:
    """The store in a state directory, which is made if it is not there."""
    return FileStore(StateDirectory.open(root), clock=clock)


def _signature(path: Path) -> tuple[int, int, int] | None:
    """What differs after each write: every one makes a new file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
