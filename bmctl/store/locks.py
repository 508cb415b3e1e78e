"""Locks kept in files: who holds a key, until when, and the highest fence there ever was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from bmctl.errors import BmctlError, BusyError
from bmctl.store.directory import StateDirectory
from bmctl.store.durable import exclusive, make_private_directory, write_durably
from bmctl.store.interface import LostError, Owner
from bmctl.store.owner import is_alive, is_visible


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """What the lock file of a key says.

    `fence` and `floor` never go down, so the file stays when the lock is free. `floor` is the last
    revision of a record that was deleted: a new one starts above it. `renewed` is in seconds since
    the epoch, `lease` in seconds.
    """

    fence: int = 0
    floor: int = 0
    owner: Owner | None = None
    renewed: float = 0.0
    lease: float = 0.0


class FileLock:
    """A lock held by this process; see `bmctl.store.interface.Lock`."""

    def __init__(self, table: LockTable, key: str, state: LockState, taken_from: Owner | None) -> None:
        if state.owner is None:
            raise ValueError("a held lock has an owner")
        self._table = table
        self.key = key
        self.fence = state.fence
        self.owner = state.owner
        self.taken_from = taken_from

    def check(self) -> None:
        """Return only if the lock is ours at this moment; `LostError` otherwise."""
        state = self._table.read(self.key)
        require_fence(state, self.fence, self.key)
        if self._table.has_expired(state):
            self.renew()

    def renew(self) -> None:
        """Start the lease again; `LostError` if the lock is no longer ours."""
        self._table.renew(self.key, self.fence)

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not ours any more."""
        self._table.release(self.key, self.fence)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()


class LockTable:
    """The lock files of a state directory."""

    def __init__(self, directory: StateDirectory, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock

    def read(self, key: str) -> LockState:
        """What the lock file says at this moment; a free lock where there is none."""
        path = self._directory.lock_path(key)
        try:
            return _from_json(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return LockState()
        except OSError as error:
            raise BmctlError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BmctlError(
                f"the lock file {path} cannot be read: it is not what bmctl writes",
                hint="see that no bmctl is at work on this machine, then remove the file",
            ) from error

    def write(self, key: str, state: LockState) -> None:
        """Make the lock file say this; the caller is in the key's `exclusive` block."""
        path = self._directory.lock_path(key)
        if not path.parent.is_dir():
            make_private_directory(path.parent)
        write_durably(path, json.dumps(asdict(state)).encode() + b"\n", staging=self._directory.staging)

    def guard(self, key: str) -> Path:
        """The file whose `exclusive` block makes reading and writing one act."""
        return self._directory.guard_path(key)

    def take(self, key: str, owner: Owner, *, lease: float) -> FileLock:
        """Take the lock, also from a dead owner; `BusyError` if a living one has it."""
        with exclusive(self.guard(key)):
            state = self.read(key)
            if state.owner and not self.is_stale(state, owner):
                raise self._busy(key, state.owner)
            taken = replace(state, fence=state.fence + 1, owner=owner, renewed=self._clock(), lease=lease)
            self.write(key, taken)
        return FileLock(self, key, taken, taken_from=state.owner)

    def renew(self, key: str, fence: int) -> None:
        """Start the lease again."""
        with exclusive(self.guard(key)):
            state = self.read(key)
            require_fence(state, fence, key)
            self.write(key, replace(state, renewed=self._clock()))

    def release(self, key: str, fence: int) -> None:
        """Free the lock if it is still held with this fence."""
        with exclusive(self.guard(key)):
            state = self.read(key)
            if state.owner and state.fence == fence:
                self.write(key, replace(state, owner=None))

    def is_stale(self, state: LockState, here: Owner) -> bool:
        """Whether the owner is known to be dead, or out of sight with its lease run out."""
        if state.owner is None:
            return True
        if is_visible(state.owner, here):
            return not is_alive(state.owner, here)
        return self.has_expired(state)

    def has_expired(self, state: LockState) -> bool:
        """Whether the lease has run out."""
        return self._clock() > state.renewed + state.lease

    def _busy(self, key: str, owner: Owner) -> BusyError:
        name = key.partition("/")[2]
        age = describe_age(self._clock() - owner.since)
        return BusyError(
            f"{name} is held by {owner} for {age}",
            hint="wait for it to end, or interrupt it there with Ctrl-C",
        )


def require_fence(state: LockState, fence: int, key: str) -> None:
    """Return only if the lock is held with this fence; `LostError` says who has it instead."""
    if state.owner and state.fence == fence:
        return
    name = key.partition("/")[2]
    found = f"{state.owner} took it over" if state.owner else "it was released"
    raise LostError(f"the lock on {name} is lost: {found}", hint=f"look at it with: bmctl node show {name}")


def describe_age(seconds: float) -> str:
    """A duration as a person says it: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{whole} s"


def _from_json(content: dict[str, Any]) -> LockState:
    owner = content["owner"]
    return LockState(
        fence=int(content["fence"]),
        floor=int(content["floor"]),
        owner=Owner(**owner) if owner else None,
        renewed=float(content["renewed"]),
        lease=float(content["lease"]),
    )
