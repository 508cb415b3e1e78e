"""Nobody but its owner reads a secret."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from bmctl.inventory.secret import readable_by_all, secret_file
from bmctl.model.secret import SecretKind
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    yield from _state(look.sources.state)
    if look.sources.inventory is not None:
        yield from _inventory(look)


def _state(root: Path) -> Iterator[Finding]:
    if root.is_dir() and stat.S_IMODE(root.stat().st_mode) & 0o077:
        yield Finding(
            level=Level.FAILURE,
            text="others on this host may read the state, and with it the keys of runs",
            remedy=f"chmod 700 {root}",
            place=str(root),
        )


def _inventory(look: Look) -> Iterator[Finding]:
    inventory = look.inventory.inventory
    for node in look.nodes:
        password = node.bmc.password
        if password is None:
            continue
        place = look.place(node.name, "bmc", "password")
        if password.kind is SecretKind.LITERAL:
            yield Finding(
                level=Level.FAILURE if readable_by_all(inventory.source) else Level.WARNING,
                text="a password stands in the inventory"
                + (", which everybody on this host may read" if readable_by_all(inventory.source) else ""),
                remedy="use env:NAME, file:PATH or cmd:COMMAND",
                node=node.name,
                place=place,
            )
        elif password.kind is SecretKind.FILE and readable_by_all(
            file := secret_file(password, inventory.base)
        ):
            yield Finding(
                level=Level.FAILURE,
                text=f"everybody on this host may read {file}",
                remedy=f"chmod o-r {file}",
                node=node.name,
                place=place,
            )


CHECK = Check(name="secrets", title="Secrets", run=_run)
