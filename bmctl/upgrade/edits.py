"""Changes of a YAML text that leave every other character as it is: comments, order, quotes, line ends.

The text is composed for the places of its parts alone; what is written back is the old text with pieces
cut out or put in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from bmctl.errors import InvalidError
from bmctl.inventory.tree import Mark

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_EDIT = "change it by hand"


@dataclass(frozen=True, slots=True)
class Rename:
    """Give the key that stands at `mark` another name."""

    mark: Mark
    name: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the key that stands at `mark` away, with its value and the comment behind it."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Replace:
    """Put another scalar, written as YAML, in place of the value of the key at `mark`."""

    mark: Mark
    value: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Put a key with a scalar, written as YAML, first into the mapping that starts at `mark`."""

    mark: Mark
    key: str
    value: str


Edit = Rename | Remove | Replace | Insert


@dataclass(frozen=True, slots=True, order=True)
class _Splice:
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Pair:
    """One key with its value in a mapping; `at` counts from 0."""

    mapping: Any
    at: int

    @property
    def key(self) -> Any:
        return self.mapping.value[self.at][0]

    @property
    def value(self) -> Any:
        return self.mapping.value[self.at][1]


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after the edits, whose marks are those of the text before.

    A part that several aliases share has one mark, and is edited once. `InvalidError` where no key stands
    at a mark, or two edits are about the same characters.
    """
    places = _Places(yaml.compose(text, Loader=_LOADER))
    splices = sorted({_splice(text, places, edit) for edit in edits})
    pieces = []
    done = 0
    for splice in splices:
        if splice.start < done:
            raise InvalidError("two changes of the inventory are about the same line", hint=_NO_EDIT)
        pieces += [text[done : splice.start], splice.text]
        done = splice.end
    return "".join([*pieces, text[done:]])


class _Places:
    """Every key and every mapping of a text by where it starts."""

    def __init__(self, root: Any) -> None:
        self._pairs: dict[Mark, _Pair] = {}
        self._mappings: dict[Mark, Any] = {}
        seen: set[int] = set()
        pending = [root]
        while pending:
            node = pending.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            pending += self._take(node)

    def pair(self, mark: Mark) -> _Pair:
        """The key that starts at the mark."""
        if mark not in self._pairs:
            raise InvalidError(f"no key stands at line {mark[0]}, column {mark[1]}", hint=_NO_EDIT)
        return self._pairs[mark]

    def mapping(self, mark: Mark) -> Any:
        """The mapping that starts at the mark."""
        if mark not in self._mappings:
            raise InvalidError(f"no mapping starts at line {mark[0]}, column {mark[1]}", hint=_NO_EDIT)
        return self._mappings[mark]

    def _take(self, node: Any) -> list[Any]:
        if isinstance(node, yaml.MappingNode):
            self._mappings[_mark(node)] = node
            for at, (key, _) in enumerate(node.value):
                self._pairs[_mark(key)] = _Pair(node, at)
            return [value for _, value in node.value]
        return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _mark(node: Any) -> Mark:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _splice(text: str, places: _Places, edit: Edit) -> _Splice:
    match edit:
        case Rename():
            key = places.pair(edit.mark).key
            return _Splice(key.start_mark.index, key.end_mark.index, edit.name)
        case Replace():
            return _replaced(places.pair(edit.mark).value, edit)
        case Insert():
            return _inserted(text, places.mapping(edit.mark), edit)
        case Remove():
            pair = places.pair(edit.mark)
            return _cut_flow(text, pair) if pair.mapping.flow_style else _cut_block(text, pair)


def _replaced(value: Any, edit: Replace) -> _Splice:
    if not isinstance(value, yaml.ScalarNode) or value.style in {"|", ">"}:
        raise InvalidError(f"no single value stands at line {edit.mark[0]}", hint=_NO_EDIT)
    return _Splice(value.start_mark.index, value.end_mark.index, edit.value)


def _inserted(text: str, mapping: Any, edit: Insert) -> _Splice:
    pair = f"{edit.key}: {edit.value}"
    if mapping.flow_style:
        start = text.index("{", mapping.start_mark.index) + 1
        return _Splice(start, start, f"{pair}, " if mapping.value else pair)
    first = mapping.value[0][0].start_mark
    return _Splice(first.index, first.index, f"{pair}{_line_end(text)}{' ' * first.column}")


def _cut_flow(text: str, pair: _Pair) -> _Splice:
    """`key: value` with the comma that it needs no more."""
    pairs = pair.mapping.value
    start, end = pair.key.start_mark.index, _end(text, pair.value)
    if pair.at + 1 < len(pairs):
        return _Splice(start, pairs[pair.at + 1][0].start_mark.index, "")
    if pair.at:
        return _Splice(_end(text, pairs[pair.at - 1][1]), end, "")
    return _Splice(start, end, "")


def _cut_block(text: str, pair: _Pair) -> _Splice:
    """The lines of a key; where it shares its first line with a dash, the next line moves up to that."""
    key_at, end = pair.key.start_mark.index, _end(text, pair.value)
    if len(pair.mapping.value) == 1:
        return _Splice(key_at, end, "{}")
    line_start = key_at - pair.key.start_mark.column
    after = _next_line(text, end)
    if not text[line_start:key_at].strip():
        return _Splice(line_start, after, "")
    while text[after : after + 1] == " ":
        after += 1
    return _Splice(key_at, after, "")


def _end(text: str, node: Any) -> int:
    """Where what is written for a node ends: a block's own mark stands before the next token."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        written_text = text[node.start_mark.index : node.end_mark.index]
        return node.start_mark.index + len(written_text.rstrip(" \t\r\n"))
    return int(node.end_mark.index)


def _next_line(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
