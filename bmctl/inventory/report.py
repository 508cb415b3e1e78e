"""Collects the mistakes of one inventory, each with its place and the key it is about, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bmctl.inventory.keys.base import Keys
from bmctl.inventory.problems import Level, Problem
from bmctl.inventory.text_values import kind_of, meant, nearest
from bmctl.inventory.tree import Body, Index, Location, Mark, index, locate, written
from bmctl.model.steps import Place


class Report:
    """All that was found wrong with one file."""

    def __init__(self, path: Path, root: Body) -> None:
        self.file = str(path)
        self._root = root
        self._problems: dict[tuple[Mark, str], Problem] = {}

    @cached_property
    def _index(self) -> Index:
        return index(self._root)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything found, in the order of the file."""
        return tuple(sorted(self._problems.values(), key=lambda problem: (problem.line, problem.column)))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What refuses the inventory."""
        return tuple(problem for problem in self.problems if problem.level is Level.ERROR)

    @property
    def failed(self) -> bool:
        """Whether anything refuses the inventory so far."""
        return any(problem.level is Level.ERROR for problem in self._problems.values())

    def at(self, mark: Mark, message: str, *, key: str = "", level: Level = Level.ERROR) -> None:
        """Note a mistake at a place; the same one at the same place counts once."""
        line, column = mark
        problem = Problem(file=self.file, line=line, column=column, key=key, message=message, level=level)
        self._problems.setdefault((mark, message), problem)

    def whole(self, message: str, *, level: Level = Level.ERROR) -> None:
        """Note something about the file as a whole."""
        self.at((0, 0), message, level=level)

    def about_value(self, mark: Mark, message: str, level: Level = Level.ERROR) -> None:
        """Note a mistake about the value that stands at `mark`."""
        self.at(mark, message, key=written(self._index.values.get(mark, ())), level=level)

    def about_key(self, mark: Mark, message: str) -> None:
        """Note a mistake about the key that stands at `mark`."""
        self.at(mark, message, key=written(self._index.keys.get(mark, ())))

    def place(self, mark: Mark) -> str:
        """A place as text, for messages that name a second one."""
        return f"{self.file}:{mark[0]}:{mark[1]}"


@dataclass(frozen=True, slots=True)
class Notes:
    """Mistakes about one part of the inventory, such as one node with its defaults merged in.

    `body` is that part as it counts; `own` is how it stands in the file, at `location`. `base` leads
    from `body` to the part that is being looked at.
    """

    report: Report
    body: Body
    own: Body
    location: Location
    base: Location = ()
    refusals: set[Location] = field(default_factory=set)

    def within(self, *steps: str | int) -> Notes:
        """The same notes, about a part further in."""
        return Notes(self.report, self.body, self.own, self.location, (*self.base, *steps), self.refusals)

    def mark(self, *steps: str | int) -> Mark:
        """Where the value at `steps` stands."""
        return locate(self.body, (*self.base, *steps)).value_at

    def place(self, *steps: str | int) -> Place:
        """Where the value at `steps` stands, as a place that outlives the reading."""
        line, column = self.mark(*steps)
        return Place(file=self.report.file, line=line, column=column)

    def key_place(self, *steps: str | int) -> Place:
        """Where the key at `steps` stands."""
        line, column = locate(self.body, (*self.base, *steps)).key_at
        return Place(file=self.report.file, line=line, column=column)

    def wrong(self, *steps: str | int, message: str) -> None:
        """Note that the value at `steps` is wrong."""
        self.report.about_value(self.mark(*steps), message)

    def doubtful(self, *steps: str | int, message: str) -> None:
        """Note a warning about the value at `steps`."""
        self.report.about_value(self.mark(*steps), message, Level.WARNING)

    def missing(self, *steps: str | int, message: str = "is missing") -> None:
        """Note that a needed key is not there; shown where this part itself stands in the file.

        A key that is there, but was refused, is not missing.
        """
        if self.is_refused(*steps):
            return
        location = (*self.base, *steps)
        mark = locate(self.own, location[:-1]).value_at
        self.report.at(mark, message, key=written((*self.location, *location)))

    def is_refused(self, *steps: str | int) -> bool:
        """Whether the value at `steps`, some of it or what it is part of was refused."""
        location = (*self.base, *steps)
        return any(location[: len(refusal)] == refusal[: len(location)] for refusal in self.refusals)

    def refused(self, error: ValidationError, keys: type[Keys]) -> None:
        """Note everything that pydantic refused for `keys`, in a person's words."""
        # Unknown keys first: one that was misspelt is not missing as well.
        details = sorted(
            error.errors(include_url=False), key=lambda detail: detail["type"] != "extra_forbidden"
        )
        for detail in details:
            location = detail["loc"]
            if detail["type"] != "missing":
                self.refusals.add(location)
            match detail["type"]:
                case "extra_forbidden":
                    self._unknown(location, keys)
                case "missing":
                    self.missing(*location[:-1], str(location[-1]))
                case _ if location[-1] == "[key]":
                    self.report.about_key(locate(self.body, location[:-1]).key_at, _sentence(detail))
                case _:
                    self.report.about_value(locate(self.body, location).value_at, _sentence(detail))

    def _unknown(self, location: Location, keys: type[Keys]) -> None:
        """Note an unknown key; the one that was probably meant is not missing then."""
        *around, key = location
        holder = keys_at(keys, tuple(around))
        if message := holder.foreign.get(str(key)):
            self.report.about_key(locate(self.body, location).key_at, message)
            return
        near = nearest(str(key), holder.model_fields)
        if near:
            self.refusals.add((*around, near))
        self.report.about_key(locate(self.body, location).key_at, f"unknown key{meant(near)}")


def keys_at(keys: type[Keys], location: Location) -> type[Keys]:
    """The model of the keys that may stand in the mapping at `location`."""
    for step in location:
        if isinstance(step, str) and step in keys.model_fields:
            keys = _models(keys.model_fields[step].annotation) or keys
    return keys


def _models(annotation: Any) -> type[Keys] | None:
    """The key model that an annotation speaks of, however it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, Keys):
        return annotation
    found = (_models(part) for part in get_args(annotation))
    return next((model for model in found if model), None)


_WANTED = {
    "model_type": "a mapping of keys and values",
    "model_attributes_type": "a mapping of keys and values",
    "dict_type": "a mapping of names and values",
    "tuple_type": "a list",
    "list_type": "a list",
}


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if wanted := _WANTED.get(detail["type"]):
        return f"must be {wanted}, not {kind_of(detail['input'])}"
    return detail["msg"][:1].lower() + detail["msg"][1:]
