"""The flows that only look at a machine: inspecting it, and learning which steps its agent offers."""

from __future__ import annotations

from bmctl.engine.plan import Plan, Task, numbered
from bmctl.engine.step import NoArgs
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import booting, controller_check, leaving, network_notes, part, restoring
from bmctl.flows.power_order import in_power_order
from bmctl.flows.request import Request
from bmctl.flows.weave import Item, weave
from bmctl.model.node import Node

INSPECT = "inspect.inspect"


def plan_inspect(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan of an inspection: the agent tells hardware, disks and steps; nothing is written."""
    look = part(
        "agent.look_at_disks", NoArgs(), INSPECT, "what is on each disk shows what a later run would lose"
    )
    return _looking(node, knowledge, request, (look,))


def plan_learn(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan that asks the agent for its steps; the machine is left as it was found."""
    return _looking(node, knowledge, request, ())


def _looking(node: Node, knowledge: Knowledge, request: Request, tasks: tuple[Task, ...]) -> Plan:
    woven = weave((Item(key=INSPECT, tasks=tasks, needs_ramdisk=True),), booting(node))
    whole = (controller_check(node), *woven.tasks, *leaving(INSPECT), *restoring(node, INSPECT))
    return Plan(
        node=node.name,
        verb=request.verb.value,
        tasks=numbered(in_power_order(node, whole, knowledge)),
        notes=(*network_notes(node), "disks: nothing is written to any of them"),
    )
