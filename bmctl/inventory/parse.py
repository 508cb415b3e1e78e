"""YAML text to a tree with places, from the events of PyYAML's parser.

Nothing is typed here: every scalar stays the text that was written. The tree is built with a stack
of its own, so that no depth of nesting can exhaust Python's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from bmctl.inventory.tree import Body, Items, Mark, Quoted, Tree

DEEPEST = 32
"""Levels; the deepest inventory needs about eight."""

EXPANSION = 2_000_000
"""Parts that aliases and merge keys may repeat, all together."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_CORE_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "map", "seq"))
_TEXT_TAG = "tag:yaml.org,2002:str"
_NULL_TAG = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with the YAML itself, and where."""

    mark: Mark
    message: str


class UnreadableError(Exception):
    """The text stops being YAML; no tree can be made of it."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    tree: Body | Items
    mark: Mark
    anchor: str | None
    key: str | None = None
    key_at: Mark = (0, 0)
    merges: list[tuple[Tree, Mark]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Measure:
    """Parts and levels of a tree when every alias in it is written out."""

    parts: int
    depth: int


def parse(text: str, *, what: str = "an inventory") -> tuple[Tree, Mark, list[Flaw]]:
    """The one document of `text`, where it starts, and what is wrong but can be read over.

    `what` says in refusals what the text is meant to be. Raises `UnreadableError` where the text is not
    YAML, or is made to exhaust memory.
    """
    builder = _Builder(what)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise UnreadableError(_flaw(error, text)) from error
    except yaml.YAMLError as error:
        raise UnreadableError(Flaw((1, 1), f"is not YAML: {_one_line(str(error))}")) from error
    return builder.root, builder.root_at, builder.flaws


class _Builder:
    """Takes events, and holds what was built from them so far."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.root: Tree = None
        self.root_at: Mark = (1, 1)
        self.flaws: list[Flaw] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Tree, Mark]] = {}
        self._measures: dict[int, _Measure] = {}
        self._repeated = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._start(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._document(event)
            case _:
                pass

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            message = f"a second document starts here; {self._what} is one document"
            raise UnreadableError(Flaw(_mark(event), message))

    def _scalar(self, event: Any) -> None:
        mark = _mark(event)
        value: str | None = event.value
        if (event.tag is None and event.implicit[0] and value in _NOTHING) or event.tag == _NULL_TAG:
            value = None
        elif event.tag is not None:
            self._check_tag(event.tag, mark)
        if value is not None and (event.style or event.tag == _TEXT_TAG):
            value = Quoted(value)
        self._anchor(event.anchor, value, mark)
        self._place(value, mark)

    def _start(self, event: Any) -> None:
        mark = _mark(event)
        if len(self._open) >= DEEPEST:
            raise UnreadableError(Flaw(mark, f"is nested more than {DEEPEST} levels deep"))
        if event.tag is not None:
            self._check_tag(event.tag, mark)
        tree = Body(mark) if isinstance(event, yaml.MappingStartEvent) else Items(mark)
        self._open.append(_Open(tree, mark, event.anchor))

    def _end(self) -> None:
        done = self._open.pop()
        if isinstance(done.tree, Body) and done.merges:
            self._merge(done.tree, done.merges)
        # Registered only now: an alias inside its own anchor stays undefined, so no tree is endless.
        self._anchor(done.anchor, done.tree, done.mark)
        self._place(done.tree, done.mark)

    def _alias(self, event: Any) -> None:
        mark = _mark(event)
        if any(outer.anchor == event.anchor for outer in self._open):
            raise UnreadableError(
                Flaw(mark, f"*{event.anchor} stands inside &{event.anchor} and would never end")
            )
        if event.anchor not in self._anchors:
            raise UnreadableError(
                Flaw(mark, f"*{event.anchor} is used, but there is no &{event.anchor} before it")
            )
        value, anchored_at = self._anchors[event.anchor]
        self._repeat(value, mark)
        self._place(value, anchored_at, written_at=mark)

    def _place(self, value: Tree, mark: Mark, written_at: Mark | None = None) -> None:
        if not self._open:
            self.root, self.root_at = value, mark
            return
        outer = self._open[-1]
        if isinstance(outer.tree, Items):
            outer.tree.add(value, mark)
        elif outer.key is None:
            self._key(outer, value, written_at or mark)
        else:
            self._pair(outer, outer.tree, value, mark)

    def _key(self, outer: _Open, value: Tree, mark: Mark) -> None:
        if isinstance(value, Body | Items):
            raise UnreadableError(Flaw(mark, "a key must be text, not a list or a mapping"))
        outer.key, outer.key_at = str(value or ""), mark

    def _pair(self, outer: _Open, body: Body, value: Tree, mark: Mark) -> None:
        key, key_at = outer.key or "", outer.key_at
        outer.key = None
        if key == "<<":
            outer.merges.append((value, mark))
        elif key in body:
            line, column = body.keys_at[key]
            self.flaws.append(Flaw(key_at, f'"{key}" is already given at line {line}, column {column}'))
        else:
            body.put(key, value, key_at=key_at, value_at=mark)

    def _merge(self, body: Body, merges: list[tuple[Tree, Mark]]) -> None:
        """Add the keys of `<<` that the mapping lacks; earlier ones win (YAML 1.1, merge type)."""
        for value, mark in merges:
            sources = value if isinstance(value, Items) else [value]
            for source in sources:
                if isinstance(source, Body):
                    self._adopt(body, source)
                else:
                    self.flaws.append(Flaw(mark, "<< must name a mapping, or a list of mappings"))

    def _adopt(self, body: Body, source: Body) -> None:
        for key, value in source.items():
            if key not in body:
                body.put(key, value, key_at=source.keys_at[key], value_at=source.values_at[key])

    def _anchor(self, anchor: str | None, value: Tree, mark: Mark) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, mark)

    def _repeat(self, value: Tree, mark: Mark) -> None:
        measure = self._measure(value)
        self._repeated += measure.parts
        if self._repeated > EXPANSION:
            raise UnreadableError(Flaw(mark, "aliases here would expand to millions of values"))
        if len(self._open) + measure.depth > DEEPEST:
            raise UnreadableError(Flaw(mark, f"is nested more than {DEEPEST} levels deep"))

    def _measure(self, tree: Tree) -> _Measure:
        if not isinstance(tree, Body | Items):
            return _Measure(1, 0)
        if id(tree) not in self._measures:
            inner = [self._measure(part) for part in (tree.values() if isinstance(tree, Body) else tree)]
            self._measures[id(tree)] = _Measure(
                1 + sum(measure.parts for measure in inner),
                1 + max((measure.depth for measure in inner), default=0),
            )
        return self._measures[id(tree)]

    def _check_tag(self, tag: str, mark: Mark) -> None:
        if tag not in _CORE_TAGS:
            name = tag.replace("tag:yaml.org,2002:", "!!")
            self.flaws.append(Flaw(mark, f"the tag {name} has no meaning here"))


def _mark(event: yaml.Event) -> Mark:
    mark: Any = event.start_mark
    return mark.line + 1, mark.column + 1


_PLAINER = (
    ("tab character", "a tab cannot indent; use spaces"),
    ("cannot start any token", "a value cannot start with this character; put it in quotes"),
    (
        "mapping values are not allowed",
        'a ":" is not allowed here; put the text in quotes, or check the indentation',
    ),
    ("expected node content", "a value cannot start with this character; put it in quotes"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("did not find expected key", "the indentation does not fit the lines above"),
    ("did not find expected '-'", "the indentation does not fit the lines above"),
    ("could not find expected ':'", 'a ":" is missing after this key'),
    ("unexpected end of stream", "a quote, opened here, is never closed"),
    ("expected ',' or '}'", 'a "," or "}" is missing'),
    ("expected ',' or ']'", 'a "," or "]" is missing'),
)


def _flaw(error: yaml.MarkedYAMLError, text: str) -> Flaw:
    problem = _one_line(error.problem or error.context or "cannot be read")
    mark = error.problem_mark or error.context_mark
    if "end of stream" in problem and "quoted" in (error.context or ""):
        mark = error.context_mark or mark
    where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if "token" in problem and _is_tab(text, where):
        return Flaw(where, "is not YAML: a tab cannot indent; use spaces")
    plain = next((words for seen, words in _PLAINER if seen in problem), problem)
    return Flaw(where, f"is not YAML: {plain}")


def _is_tab(text: str, where: Mark) -> bool:
    line, column = where
    return text.split("\n")[line - 1 : line][0][column - 1 : column] == "\t"


def _one_line(text: str) -> str:
    return " ".join(text.split())
