"""No bmctl is at work, and none died while it held a node."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.store.locks import describe_age
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    for key, state in look.locks.items():
        if state.owner is None:
            continue
        node = key.partition("/")[2]
        age = describe_age(look.sources.now - state.owner.since)
        stale = look.lock_table.is_stale(state, look.sources.here)
        yield Finding(
            level=Level.WARNING if stale else Level.FAILURE,
            text=(
                f"{state.owner} took the lock {age} ago, and is gone"
                if stale
                else f"held by {state.owner} for {age}"
            ),
            remedy=f"look at the node: bmctl node show {node}" if stale else "wait for it to end",
            node=node,
            place=str(look.directory.lock_path(key)),
        )


CHECK = Check(name="locks", title="Locks", run=_run)
