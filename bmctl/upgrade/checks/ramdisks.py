"""Each node's deploy ramdisk is there, whole."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.ramdisk.shelf import BUILD_HINT, default_name
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    shelf = look.sources.cache / "ramdisks"
    for path in sorted((shelf / "names").glob("*.json")):
        if path.stem not in look.ramdisks:
            yield Finding(
                level=Level.FAILURE,
                text=f"the files of the ramdisk {path.stem} are missing or cut short",
                remedy=f"build or bring it again, or forget it: rm {path}",
                place=str(path),
            )
    default = default_name(shelf)
    for node in look.nodes:
        if (node.ramdisk or default) in look.ramdisks:
            continue
        name = f"the ramdisk {node.ramdisk}" if node.ramdisk else "a deploy ramdisk"
        yield Finding(
            level=Level.FAILURE,
            text=f"{name} is missing",
            remedy=f"{BUILD_HINT}{f' --name {node.ramdisk}' if node.ramdisk else ''}",
            node=node.name,
            place=look.place(node.name, "ramdisk"),
        )


CHECK = Check(name="ramdisks", title="Deploy ramdisks", run=_run)
