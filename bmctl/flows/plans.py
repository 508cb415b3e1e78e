"""The plan for whatever is asked for: one entry for each verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bmctl.engine.plan import Plan
from bmctl.flows.clean import plan_clean, plan_provide
from bmctl.flows.deploy import plan_deploy
from bmctl.flows.inspect import plan_inspect, plan_learn
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.request import Request, Verb
from bmctl.flows.rescue import plan_rescue, plan_unrescue
from bmctl.flows.service import plan_service
from bmctl.flows.undeploy import plan_undeploy
from bmctl.model.node import Node

_FLOWS: Mapping[Verb, Callable[[Node, Knowledge, Request], Plan]] = {
    Verb.DEPLOY: plan_deploy,
    Verb.UNDEPLOY: plan_undeploy,
    Verb.PROVIDE: plan_provide,
    Verb.CLEAN: plan_clean,
    Verb.SERVICE: plan_service,
    Verb.INSPECT: plan_inspect,
    Verb.LEARN: plan_learn,
    Verb.RESCUE: plan_rescue,
    Verb.UNRESCUE: plan_unrescue,
}


def plan_for(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan of one node; a pure function. Raises `InvalidError` where there can be none."""
    return _FLOWS[request.verb](node, knowledge, request)
