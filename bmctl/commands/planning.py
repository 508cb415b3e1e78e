"""Plans of nodes for a command to show or to ask about, out of inventory and state; no machine is asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from bmctl.commands.settings import Settings
from bmctl.errors import InvalidError

if TYPE_CHECKING:
    from bmctl.engine.plan import Plan, Task
    from bmctl.flows.request import Request
    from bmctl.inventory import Inventory
    from bmctl.model.node import Node


def plan_node(settings: Settings, inventory: Inventory, node: Node, request: Request) -> Plan:
    """The plan of one node with all that is remembered of it."""
    from bmctl.conduct.knowing import knowledge_of
    from bmctl.flows.plans import plan_for
    from bmctl.ramdisk.shelf import find_digest
    from bmctl.store.record import get_node

    record = None
    if settings.find_state().exists():
        stored = get_node(settings.open_store(), node.name)
        record = stored.record if stored is not None else None
    ramdisk = find_digest(settings.find_cache() / "ramdisks", node.ramdisk)
    return plan_for(node, knowledge_of(inventory, node, record, ramdisk=ramdisk), request)


def confirm(
    settings: Settings, inventory: Inventory, nodes: tuple[Node, ...], request: Request, *, yes: bool
) -> None:
    """Ask before data is lost; raises `InvalidError` where the answer is no, or nobody can be asked.

    Steps of which it is not known whether they lose data are asked about too.
    """
    if yes:
        return
    losses = [line for node in nodes for line in _losses(plan_node(settings, inventory, node, request))]
    if not losses:
        return
    if settings.json or not sys.stdin.isatty():
        raise InvalidError(
            f"this destroys data, and there is nobody to ask: {losses[0]}", hint="if that is meant, say --yes"
        )
    for line in losses:
        click.echo(line, err=True)
    if not click.confirm("Go on?", err=True):
        raise InvalidError("nothing was done", hint="see all that would be with: bmctl plan")


def _losses(plan: Plan) -> list[str]:
    """What a person must know before saying yes: the steps that destroy, and each disk's fate."""
    found = [task for task in plan.tasks if task.is_destructive or _is_unknown(task)]
    if not found:
        return []
    steps = ", ".join(_called(task) for task in found)
    fates = [note for note in plan.notes if note.startswith(("disk ", "disk:", "disks:"))]
    return [f"{plan.node}: {steps}", *(f"  {fate}" for fate in fates)]


def _called(task: Task) -> str:
    return f"{task.part_of} (may destroy data)" if _is_unknown(task) else f"{task.part_of} destroys data"


def _is_unknown(task: Task) -> bool:
    """A step of the agent of which nobody knows what it does to data."""
    return task.step.key == "agent.run_step" and task.destroys is None
