"""Keys of inspection rules."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, TypeAlias

from pydantic import Field

from bmctl.inventory import text_values
from bmctl.inventory.keys.base import Keys, Line, OneOrMany, Text, described, reads
from bmctl.inventory.keys.values import Trait
from bmctl.model.inspection import Comparison

_FIELD = r"[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)*"
_PROPERTY = r"[A-Za-z][A-Za-z0-9_.-]{0,254}"


def _matching(pattern: str, what: str, text: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError(f'"{text}" {what}')
    return text


FieldPath: TypeAlias = Annotated[
    str,
    reads(
        partial(_matching, _FIELD, "is no way to a field; write it like memory.physical_mb or disks.*.size")
    ),
    described(f"^{_FIELD}$", examples=("memory.physical_mb", "disks.*.rotational")),
]
PropertyName: TypeAlias = Annotated[
    str,
    reads(partial(_matching, _PROPERTY, "cannot be a property: a letter, then letters, digits and _ . -")),
    described(f"^{_PROPERTY}$"),
]
Operation: TypeAlias = Annotated[
    Comparison,
    reads(partial(text_values.choice, kind=Comparison)),
    described(enum=[member.value for member in Comparison]),
]


class ConditionKeys(Keys):
    """One condition of a rule."""

    field: FieldPath | None = Field(
        None, description="Way to a value of the inspected hardware; * is any element of a list"
    )
    op: Operation | None = Field(None, description="How it is compared")
    value: Line | None = Field(None, description="What it is compared with; is-empty has none")


class InspectionRuleKeys(Keys):
    """What an inspected machine gets that fulfils every condition."""

    description: Text | None = Field(None, description="What it is for")
    when: tuple[ConditionKeys, ...] = Field(
        (), description="Conditions, all of which must hold; none: every machine"
    )
    traits: OneOrMany[Trait] = Field((), description="Traits that such a machine has")
    properties: dict[PropertyName, Line] = Field(
        default_factory=dict, description="Properties that such a machine has, by name"
    )
