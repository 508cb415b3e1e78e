"""Finds a runbook and sees that it may be used on a node."""

from __future__ import annotations

from bmctl.errors import InvalidError
from bmctl.flows.knowledge import Knowledge
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


def steps_of(name: str, node: Node, knowledge: Knowledge) -> tuple[WantedStep, ...]:
    """The steps of a runbook that may be used on the node."""
    return runbook_of(name, node, knowledge).steps
