"""Secrets: references in the inventory, values that do not print themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class SecretKind(StrEnum):
    """Where a secret's value comes from."""

    LITERAL = "literal"
    ENV = "env"
    FILE = "file"
    CMD = "cmd"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """How to get a secret; the text of a literal one never shows in its repr.

    `place` is where in the inventory it stands (`inventory.yaml:4:15`).
    """

    kind: SecretKind
    text: str = field(repr=False)
    place: str = ""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's value, which shows only when asked for."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The value itself; keep it out of logs, errors and command lines."""
        return self._value

    def __str__(self) -> str:
        return "******"
