"""Keeps the order of power among a node and its relatives: a child has its power from its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bmctl.engine.plan import Task
from bmctl.engine.step import NoArgs
from bmctl.flows.knowledge import Knowledge
from bmctl.model.firmware import PowerAction
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


def power_waves(
    everybody: tuple[Node, ...], chosen: tuple[Node, ...], action: PowerAction
) -> tuple[tuple[tuple[Node, PowerAction], ...], ...]:
    """What to switch, wave after wave, for the chosen nodes to be switched as `action` says.

    A parent is switched on before its children, and they are switched off before it; relatives that
    were not chosen are switched along where they must be.
    """
    starting = action is PowerAction.ON
    by_name = {node.name: node for node in everybody}
    along: dict[str, PowerAction] = {node.name: action for node in chosen}
    queue = list(chosen)
    while queue:
        node = queue.pop()
        relatives = _suppliers(node, by_name) if starting else _supplied(node, everybody)
        for relative in relatives:
            if relative.name not in along:
                along[relative.name] = PowerAction.ON if starting else PowerAction.OFF
                queue.append(relative)
    waves: dict[int, list[tuple[Node, PowerAction]]] = {}
    for name, what in along.items():
        depth = _depth(by_name[name], by_name)
        waves.setdefault(depth if starting else -depth, []).append((by_name[name], what))
    return tuple(tuple(waves[depth]) for depth in sorted(waves))


def _suppliers(node: Node, by_name: Mapping[str, Node]) -> tuple[Node, ...]:
    parent = by_name.get(node.parent or "")
    return () if parent is None or node.dedicated_power else (parent,)


def _supplied(node: Node, everybody: tuple[Node, ...]) -> tuple[Node, ...]:
    return tuple(other for other in everybody if other.parent == node.name and not other.dedicated_power)


def _depth(node: Node, by_name: Mapping[str, Node]) -> int:
    suppliers = _suppliers(node, by_name)
    return 1 + _depth(suppliers[0], by_name) if suppliers else 0
