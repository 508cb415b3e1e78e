"""The inventory as text with places: mappings and lists that know where each part of them stands.

Scalars are `str` whatever they look like (`Quoted` where they were quoted), and None where nothing
(or `null`, `~`) is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Mark: TypeAlias = tuple[int, int]
"""Line and column, both counted from 1."""

Location: TypeAlias = tuple[str | int, ...]
"""The way from a tree's root to a part of it: keys and list positions."""


class Body(dict[str, "Tree"]):
    """A mapping; `keys_at` and `values_at` hold the places of its keys and values."""

    __slots__ = ("keys_at", "mark", "values_at")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.keys_at: dict[str, Mark] = {}
        self.values_at: dict[str, Mark] = {}

    def put(self, key: str, value: Tree, *, key_at: Mark, value_at: Mark) -> None:
        """Set a key together with its places."""
        self[key] = value
        self.keys_at[key] = key_at
        self.values_at[key] = value_at


class Items(list["Tree"]):
    """A list; `marks` holds the places of its items."""

    __slots__ = ("mark", "marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: list[Mark] = []

    def add(self, value: Tree, mark: Mark) -> None:
        """Append an item together with its place."""
        self.append(value)
        self.marks.append(mark)


class Quoted(str):
    """Text that was written in quotes, as a block, or tagged as text: never a number or a switch."""

    __slots__ = ()


Tree: TypeAlias = str | Body | Items | None


@dataclass(frozen=True, slots=True)
class Spot:
    """A part of a tree: where its key and its value stand, and what the value is."""

    key_at: Mark
    value_at: Mark
    value: Tree


def locate(body: Body, location: Location) -> Spot:
    """The part at `location`, or the nearest one around it that exists."""
    spot = Spot(body.mark, body.mark, body)
    for step in location:
        match spot.value:
            case Body() as inner if step in inner:
                key = str(step)
                spot = Spot(inner.keys_at[key], inner.values_at[key], inner[key])
            case Items() as inner if isinstance(step, int) and step < len(inner):
                spot = Spot(inner.marks[step], inner.marks[step], inner[step])
            case _:
                break
    return spot


def merge(*bodies: Body) -> Body:
    """One mapping of all: later ones win, mappings are merged deeply, lists are replaced.

    A key with nothing in it takes the key away from the result. The result stands where the last
    one stands.
    """
    result = Body(bodies[-1].mark)
    for body in bodies:
        _overlay(result, body)
    return result


def _overlay(result: Body, body: Body) -> None:
    for key, value in body.items():
        if value is None:
            result.pop(key, None)
        else:
            merged = _merged(result.get(key), value)
            result.put(key, merged, key_at=body.keys_at[key], value_at=body.values_at[key])


def _merged(below: Tree, value: Tree) -> Tree:
    if not isinstance(value, Body):
        return value
    return merge(below, value) if isinstance(below, Body) else merge(value)


def without(body: Body, locations: Iterable[Location]) -> Body:
    """A copy of the mapping that lacks what stands at the locations; a list of texts is taken away whole."""
    for location in locations:
        body = _lacking(body, location)
    return body


def _lacking(body: Body, location: Location) -> Body:
    key, *rest = location
    if key not in body:
        return body
    result = merge(body)
    inner = result.pop(str(key), None)
    match inner, rest:
        case Body(), [_, *_]:
            result[str(key)] = _lacking(inner, tuple(rest))
        case Items(), [int(at), _, *_] if at < len(inner) and isinstance(item := inner[at], Body):
            copy = Items(inner.mark)
            copy.extend([*inner[:at], _lacking(item, tuple(rest[1:])), *inner[at + 1 :]])
            copy.marks = inner.marks
            result[str(key)] = copy
    return result


def written(location: Location) -> str:
    """A location as a person writes it: `nodes[1].bmc.address`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass(frozen=True, slots=True)
class Index:
    """The way to each key and value of a tree, by its place."""

    keys: dict[Mark, Location]
    values: dict[Mark, Location]


def index(root: Body) -> Index:
    """Walk the whole tree once; where an alias repeats a part, its first place wins."""
    result = Index({}, {root.mark: ()})
    seen: set[int] = set()
    pending: list[tuple[Tree, Location]] = [(root, ())]
    while pending:
        tree, location = pending.pop()
        if id(tree) in seen and not isinstance(tree, str):
            continue
        seen.add(id(tree))
        for key_at, value_at, step, value in _parts(tree):
            if isinstance(step, str):
                result.keys.setdefault(key_at, (*location, step))
            result.values.setdefault(value_at, (*location, step))
            pending.append((value, (*location, step)))
    return result


def _parts(tree: Tree) -> Iterator[tuple[Mark, Mark, str | int, Tree]]:
    if isinstance(tree, Body):
        for key, value in tree.items():
            yield tree.keys_at[key], tree.values_at[key], key, value
    elif isinstance(tree, Items):
        for position, (mark, value) in enumerate(zip(tree.marks, tree, strict=True)):
            yield mark, mark, position, value
