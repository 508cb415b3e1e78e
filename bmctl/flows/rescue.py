"""The flows of rescue: a ramdisk that an operator logs in to, and back to the machine's own system."""

from __future__ import annotations

from bmctl.engine.plan import Plan, Task, numbered
from bmctl.engine.step import NoArgs
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import booting, controller_check, network_notes, part
from bmctl.flows.power_order import in_power_order
from bmctl.flows.request import Request
from bmctl.flows.service import back_in_use
from bmctl.flows.weave import Item, weave
from bmctl.model.node import Node
from bmctl.model.steps import StepKind

RESCUE = "rescue.rescue"
UNRESCUE = "rescue.unrescue"


def plan_rescue(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan that leaves a rescue system running, which one logs in to as `rescue` with the password."""
    tasks = (
        part("rescue.finalize", NoArgs(), RESCUE, "the agent takes the password and makes room"),
        part("media.detach", NoArgs(), RESCUE, "the rescue system runs from memory"),
        part("rescue.wait", NoArgs(), RESCUE, "the rescue system must let one log in"),
    )
    woven = weave(
        (Item(key=RESCUE, tasks=tasks, needs_ramdisk=True),), booting(node, StepKind.SERVICE, in_use=True)
    )
    notes = (
        *network_notes(node),
        "what runs on the machine is shut down; its disks are not written",
        f"log in with: ssh rescue@{node.network.address}",
    )
    return _plan(node, knowledge, request, (controller_check(node), *woven.tasks), notes)


def plan_unrescue(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan that switches the rescue system off and starts the machine's own."""
    tasks = (
        controller_check(node, boots=False),
        part("reserved.power_off", NoArgs(), UNRESCUE, "ends the rescue system"),
        part("media.detach", NoArgs(), UNRESCUE, "or the machine would boot it again"),
        *back_in_use(node, UNRESCUE),
    )
    return _plan(node, knowledge, request, tasks, ())


def _plan(
    node: Node, knowledge: Knowledge, request: Request, tasks: tuple[Task, ...], notes: tuple[str, ...]
) -> Plan:
    return Plan(
        node=node.name,
        verb=request.verb.value,
        tasks=numbered(in_power_order(node, tasks, knowledge)),
        notes=notes,
    )
