"""Inspection rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import ValidationError

from bmctl.inventory.keys.inspection import ConditionKeys, InspectionRuleKeys
from bmctl.inventory.report import Notes, Report
from bmctl.inventory.text_values import close_match, nearest
from bmctl.inventory.tree import Body, Items, Tree
from bmctl.model.inspection import Comparison, Condition, InspectionRule

KeysT = TypeVar("KeysT", ConditionKeys, InspectionRuleKeys)

_HARDWARE = (
    *("interfaces", "cpu", "disks", "memory", "bmc_address", "bmc_v6address", "bmc_mac"),
    *("system_vendor", "boot", "hostname", "controller", "properties"),
)
"""Where a condition's field may begin: what the agent tells, and what bmctl puts beside it.

A hardware manager may tell more, so that another word is doubtful only where one of these is like it.
"""


def build_rules(section: Items, report: Report) -> Iterator[InspectionRule]:
    """The rules, without what is wrong with them, which is noted."""
    for position, body in enumerate(section):
        if isinstance(body, Body):  # else noted when the whole was checked
            yield _rule(body, Notes(report, body, body, ("inspection_rules", position)))


def _rule(body: Body, notes: Notes) -> InspectionRule:
    when = tuple(_conditions(body.get("when"), notes))
    keys = _read(InspectionRuleKeys, {key: value for key, value in body.items() if key != "when"})
    if keys is None:
        return InspectionRule(when=when, place=notes.place())
    if not keys.traits and not keys.properties:
        notes.missing("traits", message="is missing: a rule gives traits, properties or both")
    return InspectionRule(
        when=when,
        traits=keys.traits,
        properties=keys.properties,
        description=" ".join((keys.description or "").split()),
        place=notes.place(),
    )


def _read(kind: type[KeysT], body: Mapping[str, Tree]) -> KeysT | None:
    """The keys of a mapping; None where they are wrong, which was noted when the whole was checked."""
    try:
        return kind.model_validate({key: value for key, value in body.items() if value is not None})
    except ValidationError:
        return None


def _conditions(when: Tree, notes: Notes) -> Iterator[Condition]:
    for position, body in enumerate(when if isinstance(when, Items) else ()):
        if isinstance(body, Body) and (keys := _read(ConditionKeys, body)):
            condition = _condition(keys, notes.within("when", position))
            if condition is not None:
                yield condition


def _condition(keys: ConditionKeys, notes: Notes) -> Condition | None:
    if keys.field is None:
        notes.missing("field", message="is missing: the way to a value, such as memory.physical_mb")
    if keys.op is None:
        notes.missing("op", message=f"is missing: one of {', '.join(Comparison)}")
    if keys.field is None or keys.op is None:
        return None
    first = keys.field.partition(".")[0]
    if first not in _HARDWARE and nearest(first, _HARDWARE):
        message = f'no agent is known to tell of "{first}"{close_match(first, _HARDWARE)}'
        notes.doubtful("field", message=message)
    _check_value(keys.op, keys.value, notes)
    return Condition(field=keys.field, comparison=keys.op, value=keys.value)


def _check_value(comparison: Comparison, value: str | None, notes: Notes) -> None:
    """Note a value that the comparison cannot use."""
    if comparison is Comparison.IS_EMPTY:
        if value is not None:
            notes.wrong("value", message="is-empty compares with nothing; leave the value out")
    elif value is None:
        notes.missing("value", message=f"is missing: what {comparison} compares with")
    elif comparison.is_order and not _is_number(value):
        notes.wrong("value", message=f'{comparison} compares numbers, and "{value}" is none')
    elif comparison is Comparison.MATCHES and (fault := _fault_of(value)):
        notes.wrong("value", message=f'"{value}" is not a regular expression: {fault}')


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9]{1,30}(\.[0-9]{1,30})?", text, re.ASCII) is not None


def _fault_of(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""
