"""The inventory can be read by this bmctl."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.inventory.problems import InventoryError
from bmctl.inventory.problems import Level as ProblemLevel
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.key_changes import find_changes
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    path = look.sources.inventory
    if path is None:
        yield Finding(
            level=Level.WARNING,
            text="there is no inventory here: what concerns it was not looked at",
            remedy="name one with -i FILE or BMCTL_INVENTORY",
        )
        return
    changed = set() if isinstance(look.examined, InventoryError) else _changed(look)
    for problem in look.problems:
        if problem.level is ProblemLevel.ERROR and (problem.line, problem.column) not in changed:
            yield Finding(
                level=Level.FAILURE,
                text=": ".join(part for part in (problem.key, problem.message) if part),
                remedy="correct it; every key is explained in docs/inventory.md",
                place=problem.place,
            )


def _changed(look: Look) -> set[tuple[int, int]]:
    """Where keys stand that have changed since: the check of keys says more of them."""
    return {touched.mark for touched in find_changes(look.inventory.root)}


CHECK = Check(name="inventory", title="Inventory", run=_run)
