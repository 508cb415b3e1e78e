"""From a step that is offered or asked for to the tasks that run it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from bmctl.agent.known_steps import GENERIC_MANAGER, known_step
from bmctl.engine.plan import Task
from bmctl.engine.step import NoArgs
from bmctl.errors import InvalidError
from bmctl.flows.catalogue import find
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.refusals import Complaint, refuse
from bmctl.flows.step_arguments import make_arguments
from bmctl.flows.weave import Item
from bmctl.model.node import Node
from bmctl.model.steps import (
    INTERFACES,
    ReservedStep,
    StepKind,
    StepOffer,
    StepSource,
    WantedStep,
)
from bmctl.steps import STEPS
from bmctl.steps.hold import Hold
from bmctl.steps.run_agent_step import RunAgentStep
from bmctl.steps.wait import Wait

_POWER = {
    ReservedStep.POWER_ON: "reserved.power_on",
    ReservedStep.POWER_OFF: "reserved.power_off",
    ReservedStep.REBOOT: "reserved.reboot",
}


def rank(item: Item) -> tuple[int, int]:
    """Sorts items: higher priorities first, on a tie by interface; on a further tie they keep their order."""
    return -item.priority, -INTERFACES.get(item.key.partition(".")[0], 0)


def wanted_items(
    node: Node, wanted: Iterable[WantedStep], kind: StepKind, knowledge: Knowledge
) -> tuple[Item, ...]:
    """The items of steps that were asked for and found to be right, in their order."""
    known = knowledge.of(node)
    holds = count(1)
    return tuple(
        _on_children(node, step, knowledge)
        if step.on_children
        else _own(step, kind, find(known.offers, kind, step.key), holds)
        for step in wanted
    )


def agent_item(offer: StepOffer, *, priority: int, reason: str) -> Item:
    """The item of a step that the agent offers by itself."""
    wanted = WantedStep(interface=offer.interface, step=offer.step, priority=priority, origin="agent")
    return _agent(wanted, offer.kind, offer, reason=reason)


def default_offers(
    knowledge: Knowledge, node: Node, kind: StepKind, priorities: Mapping[str, int]
) -> Iterator[tuple[StepOffer, int]]:
    """The steps of controller and agent that run by themselves, with the priority that counts.

    `priorities` are the operator's in place of the default ones. What is disallowed is left out.
    """
    for offer in knowledge.of(node).offers:
        if offer.kind is not kind or offer.source not in {StepSource.AGENT, StepSource.CONTROLLER}:
            continue
        priority = priorities.get(offer.key, offer.priority)
        if priority > 0 and offer.key not in node.disallowed_steps:
            yield offer, priority


def _own(step: WantedStep, kind: StepKind, offer: StepOffer | None, holds: Iterator[int]) -> Item:
    if (reserved := step.reserved) is not None:
        return _reserved(step, reserved, holds)
    if offer is not None and offer.source is StepSource.CONTROLLER:
        return controller_item(step, offer)
    reason = "" if offer is not None else "whether the agent has this step, it tells once it is up"
    if offer is not None and step.key in STEPS:
        reason = "by the ramdisk's agent, as the controller does not offer it"
    return _agent(step, kind, offer, reason=reason)


def controller_item(step: WantedStep, offer: StepOffer) -> Item:
    """The item of a controller-side step."""
    runs = STEPS[step.key]
    task = Task(
        step=runs,
        args=make_arguments(runs, step.arguments),
        part_of=step.key,
        priority=step.priority or 0,
        origin=step.origin,
        reason=offer.description,
        abortable=offer.abortable,
    )
    return Item(
        key=step.key,
        tasks=(task,),
        priority=step.priority or 0,
        needs_ramdisk=offer.needs_ramdisk,
        ends_ramdisk=offer.reboots,
    )


def _reserved(step: WantedStep, reserved: ReservedStep, holds: Iterator[int]) -> Item:
    key: str
    args: Any
    match reserved:
        case ReservedStep.HOLD:
            key, args, reason = "reserved.hold", Hold(number=next(holds)), "an operator goes on from here"
        case ReservedStep.WAIT:
            seconds = step.arguments.get("seconds")
            key, reason = "reserved.wait", ""
            args = Wait(seconds=None if seconds is None else float(seconds))
        case _:
            key, args, reason = _POWER[reserved], NoArgs(), ""
    task = _task(key, args, step, reason=reason)
    return Item(
        key=step.step,
        tasks=(task,),
        priority=step.priority or 0,
        ends_ramdisk=reserved is ReservedStep.POWER_OFF,
        starts=reserved in {ReservedStep.POWER_ON, ReservedStep.REBOOT},
    )


def _agent(step: WantedStep, kind: StepKind, offer: StepOffer | None, *, reason: str) -> Item:
    # Of a step that is pending, what the released agent's of this name does is the best guess.
    known = known_step(offer.manager if offer else GENERIC_MANAGER, step.key)
    task = Task(
        step=STEPS["agent.run_step"],
        args=RunAgentStep(
            kind=kind.value,
            interface=step.interface,
            step=step.step,
            priority=step.priority or 0,
            arguments=dict(step.arguments),
        ),
        part_of=step.key,
        priority=step.priority or 0,
        origin=step.origin,
        reason=reason or (known.does if known else ""),
        subject=step.key,
        destroys=known.destroys if known else offer.destroys if offer else None,
        # Deploy steps can be cut off unless they say otherwise, and an agent does not say.
        abortable=kind is StepKind.DEPLOY or (offer is not None and offer.abortable),
    )
    return Item(
        key=step.key,
        tasks=(task,),
        priority=step.priority or 0,
        needs_ramdisk=True,
        ends_ramdisk=offer is not None and offer.reboots,
    )


def _on_children(node: Node, step: WantedStep, knowledge: Knowledge) -> Item:
    children = tuple(
        child for child in knowledge.children if not step.children or child.name in step.children
    )
    if not children:
        message = f"{step.origin}: this node has no child nodes"
        refuse((Complaint(place=step.place, message=message),), node=node.name)
    return Item(
        key=step.key,
        tasks=tuple(_on_child(step, child) for child in children),
        priority=step.priority or 0,
    )


def _on_child(step: WantedStep, child: Node) -> Task:
    if step.reserved is not None:
        return _task(_POWER[step.reserved], NoArgs(), step, on=child.name)
    runs = STEPS.get(step.key)
    if runs is None or runs.offered is None:
        raise InvalidError(
            f"{step.place or step.origin}: {step.key} is no step of a controller: no other runs on children",
            hint="see the steps of controllers with: bmctl steps",
        )
    return _task(step.key, make_arguments(runs, step.arguments), step, on=child.name)


def _task(key: str, args: Any, step: WantedStep, *, reason: str = "", on: str = "") -> Task:
    return Task(
        step=STEPS[key],
        args=args,
        part_of=step.step if step.reserved else step.key,
        priority=step.priority or 0,
        origin=step.origin,
        reason=reason,
        on=on,
    )
