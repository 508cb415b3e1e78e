"""What has happened to the inventory's keys from one release to another: one table.

A key is found wherever it may stand: in a node, in `defaults`, in a group, or in an entry of a section.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bmctl.inventory.tree import Body, Items, Location, Mark, Tree, locate, written

ANY = "*"
"""In a path: every key of a mapping, and every item of a list."""


class Fate(StrEnum):
    """What became of a key."""

    REMOVED = "removed"
    RENAMED = "renamed"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One change: `path` leads to the key from a node, or with `top` from the inventory's root.

    `name` is the new name of a renamed key, `value` what a required one may be given without asking, in
    YAML; None where only the operator knows. `still_read` says that the old form works for now.
    """

    path: tuple[str, ...]
    fate: Fate
    since: str
    why: str
    name: str | None = None
    value: str | None = None
    still_read: bool = False
    top: bool = False

    @property
    def fixable(self) -> bool:
        """Whether the inventory can be changed without asking anybody."""
        return self.fate is not Fate.REQUIRED or self.value is not None

    def describe(self) -> str:
        """The change in a person's words."""
        match self.fate:
            case Fate.RENAMED:
                return f"is called {self.name} since {self.since}: {self.why}"
            case Fate.REMOVED:
                return f"is gone since {self.since}: {self.why}"
            case Fate.REQUIRED:
                return f"must be given since {self.since}: {self.why}"


KEY_CHANGES: tuple[KeyChange, ...] = ()
"""Every change since the first release. None so far: version 1 of the inventory still is what it was."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A place in an inventory that a change is about.

    `mark` is where the key stands, `key` how a person writes it; for a required key they are those of the
    mapping that lacks it.
    """

    change: KeyChange
    mark: Mark
    key: str


def find_changes(root: Body, changes: tuple[KeyChange, ...] = KEY_CHANGES) -> tuple[Touched, ...]:
    """Every place of the inventory that the changes are about, each once, in the order of the table."""
    found = (touched for change in changes for touched in _touched(root, change))
    return tuple({(touched.change, touched.mark): touched for touched in found}.values())


def _touched(root: Body, change: KeyChange) -> Iterator[Touched]:
    *around, key = change.path
    if change.fate is Fate.REQUIRED:
        for location, body in _bodies(root, (*(() if change.top else ("nodes", ANY)), *around)):
            if key not in body and not (not change.top and _is_inherited(root, location, change.path)):
                yield Touched(change, body.mark, written((*location, key)))
        return
    for start in ((),) if change.top else (("nodes", ANY), ("defaults",), ("groups", ANY)):
        for location, body in _bodies(root, (*start, *around)):
            if key in body:
                yield Touched(change, body.keys_at[key], written((*location, key)))


def _is_inherited(root: Body, location: Location, path: tuple[str, ...]) -> bool:
    """Whether a node gets the key from `defaults` or from its group."""
    node = locate(root, location[:2]).value
    group = node.get("group") if isinstance(node, Body) else None
    places: list[Location] = [("defaults",), ("groups", group)] if isinstance(group, str) else [("defaults",)]
    return any(path[-1] in body for place in places for _, body in _bodies(root, (*place, *path[:-1])))


def _bodies(root: Body, path: Location) -> Iterator[tuple[Location, Body]]:
    """Every mapping the path leads to, with its real location."""
    found: list[tuple[Location, Tree]] = [((), root)]
    for step in path:
        found = [inner for location, tree in found for inner in _inner(location, tree, step)]
    for location, tree in found:
        if isinstance(tree, Body):
            yield location, tree


def _inner(location: Location, tree: Tree, step: str | int) -> Iterator[tuple[Location, Tree]]:
    if step == ANY and isinstance(tree, Items):
        for at, item in enumerate(tree):
            yield (*location, at), item
    elif isinstance(tree, Body):
        for key in tree if step == ANY else (step,):
            if key in tree:
                yield (*location, str(key)), tree[str(key)]
