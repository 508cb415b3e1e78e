"""The flow of servicing: steps given by the operator, on a machine that is in use."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.engine.plan import Plan, Task, numbered
from bmctl.flows.clean import is_erasing, require_no_ramdisk
from bmctl.flows.disk_fate import erase_fates
from bmctl.flows.items import wanted_items
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import booting, controller_check, ending, instance_wait, network_notes, part
from bmctl.flows.power_order import in_power_order
from bmctl.flows.refusals import refuse, validate_all
from bmctl.flows.request import Request
from bmctl.flows.runbooks import asked_for
from bmctl.flows.weave import Woven, weave
from bmctl.model.node import Node
from bmctl.model.steps import StepKind
from bmctl.steps.boot_instance import BootInstance

END = "service.end"


def plan_service(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan of servicing, in the order given; the machine runs its own system afterwards.

    Raises `InvalidError` for steps that cannot be.
    """
    asked = asked_for(request, node, knowledge)
    refuse(validate_all(asked.steps, StepKind.SERVICE, knowledge.of(node)), node=node.name)
    items = wanted_items(node, asked.steps, StepKind.SERVICE, knowledge)
    if asked.without_ramdisk:
        require_no_ramdisk(items)
    woven = weave((*items, ending(END)), booting(node, StepKind.SERVICE, in_use=True))
    again = back_in_use(node, END) if woven.booted else ()
    tasks = (controller_check(node, boots=woven.booted), *woven.tasks, *again)
    return Plan(
        node=node.name,
        verb=request.verb.value,
        tasks=numbered(in_power_order(node, tasks, knowledge)),
        notes=(*asked.notes, *_notes(node, woven, knowledge)),
    )


def back_in_use(node: Node, part_of: str) -> Iterator[Task]:
    """The tasks that start the machine's own system again after the ramdisk; it is off before."""
    yield part(
        "deploy.boot_instance", BootInstance(mode=node.boot_mode), part_of, "the node goes on being in use"
    )
    if node.ready is not None:
        yield instance_wait(node, node.ready, part_of, "its own system must answer again")


def _notes(node: Node, woven: Woven, knowledge: Knowledge) -> Iterator[str]:
    if woven.booted:
        yield from network_notes(node)
        yield "what runs on the machine is shut down, and started again from its disk at the end"
    else:
        yield "boot: no step needs the ramdisk, so it is not booted"
    if is_erasing(woven.tasks):
        yield from erase_fates(node, knowledge)
