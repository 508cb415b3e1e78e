"""Keeps the order of power among a node and its relatives: a child has its power from its parent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bmctl.engine.plan import Task
from bmctl.engine.step import NoArgs
from bmctl.flows.knowledge import Knowledge
from bmctl.model.node import Node
from bmctl.steps import STEPS

_OFF = frozenset({"power.power_off", "reserved.power_off", "deploy.tear_down_agent", "reserved.reboot"})
_ON = frozenset({"power.power_on", "reserved.power_on", "deploy.boot_instance", "reserved.reboot"})


def in_power_order(node: Node, tasks: tuple[Task, ...], knowledge: Knowledge) -> tuple[Task, ...]:
    """The tasks with those that switch children off before their parent, and a parent on before its child."""
    return tuple(task for before in tasks for task in (*_first(node, before, knowledge), before))


def dependents(knowledge: Knowledge) -> tuple[Node, ...]:
    """The children that lose their power with the node."""
    return tuple(child for child in knowledge.children if not child.dedicated_power)


def _first(node: Node, task: Task, knowledge: Knowledge) -> Iterator[Task]:
    if task.step.key in _OFF and not task.on:
        for child in dependents(knowledge):
            yield _switch(task, "reserved.power_off", child.name, f"it has its power from {node.name}")
    if task.step.key in _ON:
        if task.on in {child.name for child in dependents(knowledge)}:
            yield _switch(task, "reserved.power_on", "", f"{task.on} has its power from here")
        elif not task.on and knowledge.parent is not None and not node.dedicated_power:
            yield _switch(task, "reserved.power_on", knowledge.parent.name, "the node has its power from it")


def _switch(task: Task, key: str, on: str, reason: str) -> Task:
    return replace(
        task, step=STEPS[key], args=NoArgs(), on=on, subject="", origin="power order", reason=reason
    )
