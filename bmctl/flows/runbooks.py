"""Finds a runbook and sees that it may be used on a node."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.errors import InvalidError
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.request import Request
from bmctl.inventory.text_values import close_match
from bmctl.model.node import Node
from bmctl.model.steps import Runbook, WantedStep


def runbook_of(name: str, node: Node, knowledge: Knowledge) -> Runbook:
    """The runbook of this name; `InvalidError` where there is none, or it is not for this node."""
    found = next((runbook for runbook in knowledge.runbooks if runbook.name == name), None)
    if found is None:
        names = [runbook.name for runbook in knowledge.runbooks]
        raise InvalidError(
            f"there is no runbook {name}{close_match(name, names)}",
            hint="runbooks are in the inventory, under runbooks:",
        )
    traits = (*node.traits, *knowledge.inspection.get("traits", ()))
    if not found.is_for(traits):
        wants = ", ".join(found.traits or (found.name,))
        raise InvalidError(
            f"runbook {name} is for nodes with the trait {wants}, which this node has not",
            hint="give the node that trait in the inventory, or choose another runbook",
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFor:
    """The steps that a request names, by itself or by a runbook, and whether they must do without ramdisk."""

    steps: tuple[WantedStep, ...]
    without_ramdisk: bool
    notes: tuple[str, ...] = ()


def asked_for(request: Request, node: Node, knowledge: Knowledge) -> AskedFor:
    """What a request names; what its runbook says of the ramdisk counts over the request.

    Raises `InvalidError` where nothing is named, or the runbook may not be used on the node.
    """
    if request.runbook is None:
        if not request.steps:
            hint = "name them with --step, --steps or --runbook"
            raise InvalidError(f"no steps are named for the {request.verb}", hint=hint)
        return AskedFor(steps=request.steps, without_ramdisk=request.disable_ramdisk)
    runbook = runbook_of(request.runbook, node, knowledge)
    without = request.disable_ramdisk if runbook.disable_ramdisk is None else runbook.disable_ramdisk
    return AskedFor(steps=runbook.steps, without_ramdisk=without, notes=(f"runbook: {runbook.name}",))


def steps_of(name: str, node: Node, knowledge: Knowledge) -> tuple[WantedStep, ...]:
    """The steps of a runbook that may be used on the node."""
    return runbook_of(name, node, knowledge).steps
