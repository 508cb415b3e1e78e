"""What every store promises: records changed by compare-and-swap, and locks with an owner and a fence.

A store on one host keeps files; a site with several hosts may put a shared service behind the same
promises. Everything here is synchronous and takes milliseconds; callers that must not wait use a
thread. Keys are `collection/name`, such as `nodes/rack1-n1`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from bmctl.errors import BusyError

Value = Mapping[str, Any]

NODES = "nodes/"


class ConflictError(BusyError):
    """Somebody else changed the record since it was read: read it again and decide again."""


class LostError(BusyError):
    """The lock is no longer ours: nothing more may be done to the machine in its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One stored document. `revision` grows with each change of the key, also across a deletion."""

    key: str
    value: dict[str, Any]
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who holds a lock: one process, and why. `since` is in seconds since the epoch.

    `started` is the process's start in clock ticks since boot, which tells a pid from its later
    namesake; `space` is its pid namespace, outside of which the pid says nothing.
    """

    host: str
    machine: str
    boot: str
    space: str
    pid: int
    started: int
    command: str
    since: float

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid} on {self.host})"


class Lock(Protocol):
    """The right to act on one key, until released, lost or left by the death of its owner.

    Used in a `with` block it is released at the block's end.
    """

    key: str
    fence: int
    owner: Owner
    taken_from: Owner | None
    """The dead owner this lock was taken over from, None where it was free."""

    def check(self) -> None:
        """Return only if the lock is ours at this moment; `LostError` otherwise.

        Goes right before each action on hardware, which knows no fences.
        """

    def renew(self) -> None:
        """Start the lease again; `LostError` if the lock is no longer ours."""

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not ours any more."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class Store(Protocol):
    """Records and locks under keys."""

    def get(self, key: str) -> Record | None:
        """The record, None where there is none."""

    def put(self, key: str, value: Value, *, if_revision: int, fence: int | None = None) -> Record:
        """Replace the value if the record still has this revision; 0 means: if there is none.

        `ConflictError` if it has another one. With a fence: `LostError` unless the lock with this
        fence is held now. When this returns, the value survives a crash.
        """

    def delete(self, key: str, *, if_revision: int, fence: int | None = None) -> None:
        """Forget the record, under the conditions of `put`."""

    def list(self, prefix: str) -> tuple[Record, ...]:
        """The records whose key starts with `prefix`, in the order of their keys."""

    def keys(self, prefix: str) -> tuple[str, ...]:
        """The keys that start with `prefix`, sorted; quicker than `list`."""

    def update(
        self, key: str, change: Callable[[dict[str, Any]], Value], *, fence: int | None = None
    ) -> Record:
        """Put what `change` makes of the present value (empty if none), again after each conflict."""

    def lock(self, key: str, owner: Owner, *, lease: float) -> Lock:
        """Take the lock of a key, with a fence higher than any before.

        `lease` is in seconds, and is how long an owner on a host we cannot see is believed to live.
        `BusyError` names the owner, its age and its command where somebody holds it.
        """

    def holder(self, key: str) -> Owner | None:
        """Who holds the lock and lives, None where it is free or its owner is dead."""

    def watch(self, key: str, *, interval: float = 0.5) -> AsyncIterator[Record | None]:
        """The record now, and again after each change; None while there is none."""
