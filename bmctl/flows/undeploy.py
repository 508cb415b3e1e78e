"""The flow of taking a machine out of use: switched off, and cleaned unless the node says otherwise."""

from __future__ import annotations

from dataclasses import replace

from bmctl.engine.plan import Plan, numbered
from bmctl.engine.step import NoArgs
from bmctl.flows.clean import plan_provide
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import controller_check, part
from bmctl.flows.power_order import in_power_order
from bmctl.flows.request import Request
from bmctl.model.node import Node

UNDEPLOY = "deploy.undeploy"


def plan_undeploy(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan of an undeploy; the node is available afterwards."""
    if node.cleaning.automated:
        plan = plan_provide(node, knowledge, request)
        off = part("reserved.power_off", NoArgs(), UNDEPLOY, "what runs on the machine ends here")
        check, *rest = plan.tasks
        return replace(plan, tasks=numbered((check, *in_power_order(node, (off,), knowledge), *rest)))
    tasks = (
        controller_check(node, boots=False),
        part("reserved.power_off", NoArgs(), UNDEPLOY, "what runs on the machine ends here"),
    )
    return Plan(
        node=node.name,
        verb=request.verb.value,
        tasks=numbered(in_power_order(node, tasks, knowledge)),
        notes=("disks: not cleaned, as the inventory says (cleaning.automated: false)",),
    )
