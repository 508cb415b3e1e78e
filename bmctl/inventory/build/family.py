"""Nodes within nodes: who holds whom, and steps that are to run on the inner ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bmctl.inventory.report import Notes, Report
from bmctl.inventory.text_values import close_match
from bmctl.inventory.tree import Body, Items, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A node by name, the parent it names, and the notes about it."""

    name: str
    parent: str
    notes: Notes


def check_family(names: Iterable[str], children: Iterable[Child], runbooks: Body, report: Report) -> None:
    """Note unknown parents, nodes that would hold themselves, and children that runbooks name wrongly."""
    known = frozenset(names)
    by_name = {child.name: child for child in children}
    for child in by_name.values():
        if child.parent not in known:
            message = f'there is no node "{child.parent}"{close_match(child.parent, known)}'
            child.notes.wrong("parent", message=message)
    for ring in _rings({child.name: child.parent for child in by_name.values()}):
        by_name[ring[0]].notes.wrong("parent", message=_ring_message(ring))
    for name, body in runbooks.items():
        if isinstance(body, Body):
            _check_children(body.get("steps"), Notes(report, body, body, ("runbooks", name)), known, by_name)


def _rings(parents: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Each circle of nodes that hold one another, once, each node before its parent."""
    done: set[str] = set()
    for name in parents:
        line: dict[str, None] = {}
        current: str | None = name
        while current is not None and current not in done and current not in line:
            line[current] = None
            current = parents.get(current)
        if current in line:
            yield tuple(line)[list(line).index(current) :]
        done.update(line)


def _ring_message(ring: tuple[str, ...]) -> str:
    if len(ring) == 1:
        return "a node cannot be its own parent"
    return f"is inside itself: {' in '.join((*ring, ring[0]))}"


def _check_children(steps: Tree, notes: Notes, known: Collection[str], children: Collection[str]) -> None:
    for position, step in enumerate(steps if isinstance(steps, Items) else ()):
        named = step.get("limit_child_node_execution") if isinstance(step, Body) else None
        for at, child in enumerate(named if isinstance(named, Items) else [named]):
            if not isinstance(child, str):
                continue
            place = ("steps", position, "limit_child_node_execution", at)
            if child not in known:
                message = f'there is no node "{child}"{close_match(child, known)}'
                notes.wrong(*place, message=message)
            elif child not in children:
                notes.wrong(*place, message=f"{child} has no parent, so it is no child node")
