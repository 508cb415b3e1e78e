"""Rules by which an operator's traits and properties follow from what an inspection finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bmctl.model.steps import Place


class Comparison(StrEnum):
    """How a condition compares what was found with its value.

    `contains` looks for a part of a text or an element of a list, `matches` compares a whole text with
    a regular expression; `is-empty` has no value: it holds for nothing, "", [] and {}.
    """

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    CONTAINS = "contains"
    MATCHES = "matches"
    IS_EMPTY = "is-empty"

    @property
    def is_order(self) -> bool:
        """Whether it compares numbers alone."""
        return self in {Comparison.LT, Comparison.LE, Comparison.GT, Comparison.GE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must be so. `field` leads to a value of the hardware (`memory.physical_mb`).

    `*` in it stands for each element of a list, of which one that fits is enough; a number for the
    element of that position, from 0. `value` is as it was written; None for `is-empty`.
    """

    field: str
    comparison: Comparison
    value: str | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (self.field, self.comparison, self.value) if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionRule:
    """Traits and properties for machines that fulfil every condition; for all where there is none."""

    when: tuple[Condition, ...] = ()
    traits: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    place: Place | None = None

    @property
    def title(self) -> str:
        """The rule in a person's words."""
        return self.description or " and ".join(map(str, self.when)) or "every machine"
