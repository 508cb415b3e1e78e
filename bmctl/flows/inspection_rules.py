"""Whether an inspection rule is for a machine: its conditions held against a document of plain data."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bmctl.model.inspection import Comparison, Condition, InspectionRule

_ORDERS: Mapping[Comparison, Callable[[float, float], bool]] = {
    Comparison.LT: operator.lt,
    Comparison.LE: operator.le,
    Comparison.GT: operator.gt,
    Comparison.GE: operator.ge,
}
_SWITCHES = {True: frozenset({"true", "yes", "on"}), False: frozenset({"false", "no", "off"})}


def is_for(rule: InspectionRule, document: Mapping[str, Any]) -> bool:
    """Whether every condition of the rule holds for the document."""
    return all(holds(condition, document) for condition in rule.when)


def holds(condition: Condition, document: Mapping[str, Any]) -> bool:
    """Whether one of the values that the condition's field leads to fits; none, where it leads nowhere."""
    found = values_at(document, tuple(condition.field.split(".")))
    return any(_fits(condition.comparison, value, condition.value or "") for value in found)


def values_at(value: Any, way: tuple[str, ...]) -> Iterator[Any]:
    """Every value that the way leads to, none where it leads nowhere."""
    if not way:
        yield value
        return
    first, rest = way[0], way[1:]
    for inner in _step(value, first):
        yield from values_at(inner, rest)


def _step(value: Any, name: str) -> list[Any]:
    match value:
        case Mapping():
            return [value[name]] if name in value else []
        case list() | tuple() if name == "*":
            return list(value)
        case list() | tuple() if name.isdecimal() and int(name) < len(value):
            return [value[int(name)]]
        case _:
            return []


def _fits(comparison: Comparison, found: Any, wanted: str) -> bool:
    match comparison:
        case Comparison.EQ:
            return _equal(found, wanted)
        case Comparison.NE:
            return not _equal(found, wanted)
        case Comparison.CONTAINS:
            return _contains(found, wanted)
        case Comparison.MATCHES:
            return _is_plain(found) and re.fullmatch(wanted, _text(found)) is not None
        case Comparison.IS_EMPTY:
            return found in (None, "", [], (), {})
        case _:
            number = _number(found)
            return number is not None and _ORDERS[comparison](number, float(wanted))


def _equal(found: Any, wanted: str) -> bool:
    """Texts are equal whatever their case, numbers by value, switches by any of their words."""
    if isinstance(found, bool):
        return wanted.lower() in _SWITCHES[found]
    if isinstance(found, int | float):
        return _number(wanted) == found
    return isinstance(found, str) and found.casefold() == wanted.casefold()


def _contains(found: Any, wanted: str) -> bool:
    if isinstance(found, list | tuple):
        return any(_equal(each, wanted) for each in found)
    return isinstance(found, str) and wanted.casefold() in found.casefold()


def _is_plain(found: Any) -> bool:
    return isinstance(found, str | int | float)


def _text(found: Any) -> str:
    return str(found).lower() if isinstance(found, bool) else str(found)


def _number(found: Any) -> float | None:
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    try:
        return float(found)
    except ValueError:
        return None
