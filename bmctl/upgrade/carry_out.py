"""Carries out an upgrade plan while nobody else uses the state directory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bmctl.errors import BusyError
from bmctl.store.change_set import commit
from bmctl.store.directory import StateDirectory
from bmctl.store.durable import exclusive
from bmctl.store.locks import LockTable
from bmctl.store.owner import this_process
from bmctl.store.schema import read_schema
from bmctl.upgrade.plan import UpgradePlan, content_of, documents_of

# Open files beside the guards: what Python and the plan's own files need.
_SPARE = 64
_SHOWN = 3


def carry_out(plan: UpgradePlan, *, clock: Callable[[], float] = time.time) -> tuple[str, ...]:
    """Make all changes of the plan or none; returns the files of others that were left alone.

    Raises `BusyError`, with nothing changed, where a living process holds a node, or where something has
    changed since the plan was made.
    """
    directory = StateDirectory(root=plan.root)
    with _quiet(directory, clock):
        _require_unchanged(plan)
        return commit(plan.root, plan.change_set)


@contextmanager
def _quiet(directory: StateDirectory, clock: Callable[[], float]) -> Iterator[None]:
    """Keep every process from writing a record or a lock; `BusyError` where one is at work on a node."""
    keys = tuple(sorted({*directory.lock_keys(), *directory.keys("nodes/")}))
    _allow_open_files(len(keys) + _SPARE)
    with ExitStack() as stack:
        for key in keys:
            stack.enter_context(exclusive(directory.guard_path(key)))
        _refuse_if_held(LockTable(directory, clock), keys)
        yield


def _refuse_if_held(table: LockTable, keys: tuple[str, ...]) -> None:
    here = this_process("", since=0.0)
    states = ((key, table.read(key)) for key in keys)
    held = [
        f"{key.partition('/')[2]} by {state.owner}"
        for key, state in states
        if not table.is_stale(state, here)
    ]
    if held:
        more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
        raise BusyError(
            f"bmctl is at work: it holds {', '.join(held[:_SHOWN])}{more}",
            hint="wait for it to end, then run this again",
        )


def _require_unchanged(plan: UpgradePlan) -> None:
    """The plan was shown to somebody, and may be old by now."""
    schema = read_schema(plan.root)
    planned = plan.change_set
    same = schema is None or schema.version == planned.source
    same = same and all(content_of(plan.root, change.path) == change.before for change in planned.changes)
    if planned.source != planned.target:
        same = same and {change.path for change in planned.changes}.issuperset(documents_of(plan.root))
    if not same:
        raise BusyError("something has changed since the plan was made", hint="run this again")


def _allow_open_files(wanted: int) -> None:
    """Each guard is an open file; the usual limit of 1024 is a soft one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
