"""No key of the inventory was removed, renamed or newly required since it was written."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.key_changes import find_changes
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    for touched in find_changes(look.inventory.root):
        line, column = touched.mark
        yield Finding(
            level=Level.WARNING if touched.change.still_read else Level.FAILURE,
            text=f"{touched.key} {touched.change.describe()}",
            remedy="bmctl upgrade --fix" if touched.change.fixable else "write it down",
            place=f"{look.sources.inventory}:{line}:{column}",
        )


CHECK = Check(name="inventory-keys", title="Inventory keys", run=_run)
