"""What can be wrong with an inventory, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bmctl.errors import InvalidError


class Level(StrEnum):
    """An error refuses the inventory; a warning only wants to be read."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake: its place in the file, the key it is about, what is wrong.

    `line` and `column` count from 1; 0 where the whole file is meant. `key` is the way to the key
    (`nodes[1].bmc.address`), empty where no key is meant.
    """

    file: str
    message: str
    line: int = 0
    column: int = 0
    key: str = ""
    level: Level = Level.ERROR

    @property
    def place(self) -> str:
        """`inventory.yaml:11:7`, or the file alone."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.key, self.message) if part)


class InventoryError(InvalidError):
    """An inventory that cannot be used, with every mistake in it, in the order of the file."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(_summary(path, self.problems))


def _summary(path: Path, problems: tuple[Problem, ...]) -> str:
    if len(problems) == 1:
        return str(problems[0])
    return f"{path}: {len(problems)} mistakes, the first at {problems[0]}"
