"""Templates, runbooks and the steps in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from pydantic import ValidationError

from bmctl.inventory.keys.steps import (
    ListedStepKeys,
    RunbookKeys,
    RunbookStepKeys,
    StepKeys,
    TemplateKeys,
    TemplateStepKeys,
)
from bmctl.inventory.report import Notes, Report
from bmctl.inventory.text_values import nearest, one_of
from bmctl.inventory.tree import Body, Items, Location, Tree
from bmctl.model.steps import (
    INTERFACES,
    POWER_STEPS,
    DeployTemplate,
    Place,
    ReservedStep,
    Runbook,
    WantedStep,
)

_RESERVED = frozenset(ReservedStep)
_BOOT_STEP = "deploy.deploy"

KeysT = TypeVar("KeysT", bound=StepKeys)


def build_template(name: str, section: Body, report: Report) -> DeployTemplate:
    """An entry of `templates` with those of its steps that are right; what is wrong is noted."""
    body = _entry(name, section)
    notes = Notes(report, body, body, ("templates", name))
    keys = _whole(TemplateKeys, body)
    found: list[WantedStep] = []
    for step, place in _each(TemplateStepKeys, body, notes):
        if step.priority is None:
            place.missing("priority", message="is missing: higher goes first; 0 takes the step out")
        if wanted := build_step(step, place, f"template {name}", step.priority):
            if wanted.key == _BOOT_STEP and wanted.priority:
                place.wrong("priority", message=f"{_BOOT_STEP} can only be taken out, with priority 0")
            found.append(wanted)
    _check_repeated(body.get("steps"), notes)
    return DeployTemplate(
        name=name,
        steps=tuple(found),
        description=keys.description or "",
        place=_place(name, section, report),
    )


def build_runbook(name: str, section: Body, report: Report) -> Runbook:
    """An entry of `runbooks` with those of its steps that are right, in order; what is wrong is noted."""
    body = _entry(name, section)
    notes = Notes(report, body, body, ("runbooks", name))
    keys = _whole(RunbookKeys, body)
    found: list[tuple[int | None, WantedStep, Notes]] = []
    for step, place in _each(RunbookStepKeys, body, notes):
        if wanted := build_listed_step(step, place, f"runbook {name}"):
            found.append((step.order, wanted, place))
    return Runbook(
        name=name,
        steps=tuple(_ordered(found)),
        traits=keys.traits or (),
        disable_ramdisk=keys.disable_ramdisk,
        description=keys.description or "",
        place=_place(name, section, report),
    )


def _entry(name: str, section: Body) -> Body:
    value = section[name]
    return value if isinstance(value, Body) else Body(section.values_at[name])


def _place(name: str, section: Body, report: Report) -> Place:
    line, column = section.keys_at[name]
    return Place(file=report.file, line=line, column=column)


WholeT = TypeVar("WholeT", TemplateKeys, RunbookKeys)


def _whole(kind: type[WholeT], body: Body) -> WholeT:
    """What stands beside the steps; nothing where some of it is wrong, which was noted with all sections."""
    beside = {key: value for key, value in body.items() if key != "steps" and value is not None}
    try:
        return kind.model_validate(beside)
    except ValidationError:
        return kind()


def _each(kind: type[KeysT], body: Body, notes: Notes) -> Iterator[tuple[KeysT, Notes]]:
    """Each step that can be read, with notes of its own; a list with nothing in it is noted."""
    steps = body.get("steps")
    if steps is None and not nearest("steps", body):
        notes.missing("steps", message="is missing: a list of steps, each with interface and step")
    elif isinstance(steps, Items) and not steps:
        notes.wrong("steps", message="is empty; at least one step is needed")
    elif isinstance(steps, Items):
        yield from each_step(kind, steps, notes.report, (*notes.location, "steps"))


def each_step(
    kind: type[KeysT], steps: Items, report: Report, location: Location
) -> Iterator[tuple[KeysT, Notes]]:
    """Each step of a list that has right keys and values, with notes of its own."""
    for position, step in enumerate(steps):
        if isinstance(step, Body):
            try:
                keys = kind.model_validate(step)
            except ValidationError:
                continue  # noted when the whole was checked
            yield keys, Notes(report, step, step, (*location, position))


def build_step(keys: StepKeys, notes: Notes, origin: str, priority: int | None = None) -> WantedStep | None:
    """A step that is to run on the node itself; None where it is not known which."""
    if keys.step is None:
        notes.missing("step", message="is missing: the step's name")
        return None
    interface = _interface(keys.interface, keys.step, notes)
    if interface is None:
        return None
    arguments = keys.args or {}
    return WantedStep(
        interface=interface,
        step=keys.step,
        arguments=arguments,
        priority=priority,
        origin=origin,
        place=notes.place("step"),
        argument_places={name: notes.key_place("args", name) for name in arguments},
    )


def _interface(text: str | None, step: str, notes: Notes) -> str | None:
    """The interface of a step; bmctl's own steps have none, and any may be written."""
    if step in _RESERVED:
        return text or reserved_interface(ReservedStep(step))
    if text is None:
        notes.missing("interface", message=f"is missing: one of {', '.join(INTERFACES)}")
        return None
    try:
        return one_of(text, INTERFACES)
    except ValueError as error:
        notes.wrong("interface", message=str(error))
        return None


def reserved_interface(step: ReservedStep) -> str:
    """The interface under which a reserved step goes where none is written."""
    return "power" if step in POWER_STEPS else "deploy"


def build_listed_step(
    keys: ListedStepKeys, notes: Notes, origin: str, priority: int | None = None
) -> WantedStep | None:
    """A step that may also run on child nodes."""
    wanted = build_step(keys, notes, origin, priority)
    children = keys.limit_child_node_execution or ()
    if children and not keys.execute_on_child_nodes:
        notes.wrong("limit_child_node_execution", message="needs execute_on_child_nodes: true beside it")
    if wanted is None or not keys.execute_on_child_nodes:
        return wanted
    if wanted.reserved and wanted.reserved not in POWER_STEPS:
        notes.wrong("execute_on_child_nodes", message=f"{wanted.step} cannot run on child nodes")
    return replace(wanted, on_children=True, children=children)


def _ordered(found: list[tuple[int | None, WantedStep, Notes]]) -> Iterator[WantedStep]:
    """The steps by their order where they have one, else as they stand; noted where only some have one."""
    if any(order is not None for order, _, _ in found):
        for order, _, place in found:
            if order is None:
                place.missing("order", message="is missing, while other steps of the runbook have one")
        found = sorted(found, key=lambda entry: entry[0] or 0)
    yield from (wanted for _, wanted, _ in found)


def _check_repeated(steps: Tree, notes: Notes) -> None:
    """Note each step that stands a second time in one template, whatever else is wrong with it."""
    seen: dict[str, str] = {}
    for position, step in enumerate(steps if isinstance(steps, Items) else ()):
        key = _written_key(step)
        if key is None:
            continue
        place = notes.report.place(notes.mark("steps", position, "step"))
        if key in seen:
            notes.wrong(
                "steps", position, "step", message=f"{key} stands in this template already ({seen[key]})"
            )
        seen.setdefault(key, place)


def _written_key(step: Tree) -> str | None:
    """A step's `interface.step` as far as it is written, None where it is not."""
    if not isinstance(step, Body) or not isinstance(name := step.get("step"), str):
        return None
    interface = step.get("interface")
    if interface is None and name in _RESERVED:
        interface = reserved_interface(ReservedStep(name))
    return f"{interface}.{name}" if isinstance(interface, str) else None
