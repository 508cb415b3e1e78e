"""Steps that are asked for outside the inventory: in a file of their own, or on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bmctl.errors import InvalidError
from bmctl.inventory.build.steps import build_listed_step, each_step, reserved_interface
from bmctl.inventory.keys.steps import FileStepKeys, StepFileKeys
from bmctl.inventory.parse import UnreadableError, parse
from bmctl.inventory.problems import InventoryError, Problem
from bmctl.inventory.report import Notes, Report
from bmctl.inventory.scalars import typed
from bmctl.inventory.text import read_text
from bmctl.inventory.text_values import kind_of, name, one_of, step_name
from bmctl.inventory.tree import Body, Items, Mark, Tree
from bmctl.model.steps import INTERFACES, POWER_STEPS, Place, ReservedStep, WantedStep

COMMAND_LINE = "command line"

_WHAT = "a step file"


def read_step_list(path: Path) -> tuple[WantedStep, ...]:
    """The steps of a YAML or JSON file, in order: a list of them, or a mapping with `steps`.

    Raises `InventoryError` with every mistake in it.
    """
    try:
        tree, mark, flaws = parse(read_text(path, what=_WHAT), what=_WHAT)
    except UnreadableError as error:
        raise _refusal(path, error.flaw.mark, error.flaw.message) from error
    root = _root(tree, mark, path)
    report = Report(path, root)
    for flaw in flaws:
        report.about_key(flaw.mark, flaw.message)
    steps = tuple(_steps(root, report))
    if report.failed:
        raise InventoryError(path, report.errors)
    return steps


def _refusal(path: Path, mark: Mark, message: str) -> InventoryError:
    return InventoryError(path, [Problem(file=str(path), line=mark[0], column=mark[1], message=message)])


def _root(tree: Tree, mark: Mark, path: Path) -> Body:
    """The file as a mapping with `steps`, whichever way it is written."""
    if isinstance(tree, Body):
        return tree
    if not isinstance(tree, Items):
        raise _refusal(path, mark, f"a step file is a list of steps, not {kind_of(tree)}")
    root = Body(mark)
    root.put("steps", tree, key_at=mark, value_at=mark)
    return root


def _steps(root: Body, report: Report) -> Iterator[WantedStep]:
    notes = Notes(report, root, root, ())
    try:
        StepFileKeys.model_validate(root)
    except ValidationError as error:
        notes.refused(error, StepFileKeys)
    steps = root.get("steps")
    if not isinstance(steps, Items):
        notes.missing("steps", message="is missing: a list of steps, each with interface and step")
        return
    if not steps:
        notes.wrong("steps", message="is empty; at least one step is needed")
    for keys, place in each_step(FileStepKeys, steps, report, ("steps",)):
        if wanted := build_listed_step(keys, place, f"file {report.file}", keys.priority):
            yield wanted


def read_step_words(text: str) -> WantedStep:
    """A step as it is written on a command line: its name, then arguments.

    `deploy.erase_devices_metadata`, `wait seconds=5`, `raid.apply_configuration create_root_volume=false`.
    An argument's value is YAML, and goes on until the next `NAME=` that stands outside quotes and
    brackets. `power_off@children` runs on all child nodes, `power_off@card1,card2` on some. Raises
    `InvalidError`.
    """
    try:
        return _from_words(text)
    except ValueError as error:
        raise InvalidError(
            f'the step "{"".join(text.split(maxsplit=1)[:1])}": {error}',
            hint="write INTERFACE.STEP [NAME=VALUE ...], such as: wait seconds=5",
        ) from error


def _from_words(text: str) -> WantedStep:
    head, rest = (*text.split(maxsplit=1), "", "")[:2]
    key, at, children = head.partition("@")
    interface, step = _name(key)
    arguments = dict(_arguments(rest))
    place = Place(file=COMMAND_LINE)
    wanted = WantedStep(
        interface=interface,
        step=step,
        arguments=arguments,
        origin=COMMAND_LINE,
        place=place,
        argument_places=dict.fromkeys(arguments, place),
        on_children=bool(at),
        children=_children(children) if at else (),
    )
    if wanted.on_children and wanted.reserved and wanted.reserved not in POWER_STEPS:
        raise ValueError(f"{step} cannot run on child nodes")
    return wanted


def _name(key: str) -> tuple[str, str]:
    """Interface and step; a reserved step needs no interface."""
    interface, dot, step = key.rpartition(".")
    reserved = frozenset(ReservedStep)
    if step in reserved:
        return interface or reserved_interface(ReservedStep(step)), step
    if not dot:
        step_name(step)
        raise ValueError(f'"{step}" has no interface before it, and is none of {", ".join(ReservedStep)}')
    return one_of(interface, INTERFACES), step_name(step)


def _children(text: str) -> tuple[str, ...]:
    return () if text == "children" else tuple(name(child.strip()) for child in text.split(","))


# An argument's name and an equals sign, after blanks; it ends the value before it.
_NEXT = re.compile(r"(?:^|\s+)([A-Za-z_][A-Za-z0-9_]*)=")
_QUOTES = frozenset("\"'")
# Pairs that do not end a quoted text (YAML 1.2, 7.3): a doubled quote, an escaped one.
_IN_QUOTES = {"'": ("''",), '"': ('\\"', "\\\\")}
# What a quote stands behind where it opens a text in a YAML flow; elsewhere it is an apostrophe.
_BEFORE_QUOTE = frozenset(" \t\n[{,:\"'")


def _arguments(text: str) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for argument, value in _pairs(text):
        if argument in seen:
            raise ValueError(f"{argument} is given twice")
        seen.add(argument)
        yield argument, _value(argument, value)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Each argument's name, and its value as written."""
    found = _NEXT.search(text)
    if before := text[: found.start() if found else len(text)].strip():
        raise ValueError(f'"{before}" is not NAME=VALUE')
    while found:
        following = _NEXT.search(text, _closed(text, found.end()))
        yield found[1], text[found.end() : following.start() if following else len(text)].strip()
        found = following


def _closed(text: str, start: int) -> int:
    """Where the quotes or brackets end that a value starts with; `start` where it starts with none."""
    if text[start : start + 1] not in _QUOTES | {"[", "{"}:
        return start
    depth, quote, at = 0, "", start
    while at < len(text):
        letter = text[at]
        if quote and text[at : at + 2] in _IN_QUOTES[quote]:
            at += 1
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES and (at == start or text[at - 1] in _BEFORE_QUOTE):
            quote = letter
        else:
            depth += (letter in "[{") - (letter in "]}")
        at += 1
        if not depth and not quote:
            break
    return min(at, len(text))


def _value(argument: str, written: str) -> Any:
    if re.search(r"(^|\s)#", written[_closed(written, 0) :]):
        raise ValueError(f"the value of {argument} has a # that would start a comment; put it in quotes")
    try:
        tree, _, flaws = parse(written, what="a value")
    except UnreadableError as error:
        raise ValueError(f"the value of {argument} {error.flaw.message}") from error
    if flaws:
        raise ValueError(f"the value of {argument}: {flaws[0].message}")
    return typed(tree)
