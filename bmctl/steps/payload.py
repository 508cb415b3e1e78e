"""What the agent is told of the node it runs on, and of the step it is asked to run."""

from __future__ import annotations

from typing import Any

from bmctl.agent.answers import AgentStep, AgentSteps
from bmctl.agent.payload import node_payload, port_payloads, step_parameters
from bmctl.ports import Ports

# The journal's fact of what the agent of this run offers, by kind.
LISTINGS = "listings"


def remember_steps(offered: AgentSteps) -> dict[str, Any]:
    """The agent's steps as the journal and the node's record keep them."""
    return {
        "versions": dict(offered.versions),
        "steps": [
            {
                "interface": step.interface,
                "step": step.name,
                "priority": step.priority,
                "manager": step.manager,
                "reboot_requested": step.reboot_requested,
                "abortable": step.abortable,
                "arguments": {
                    argument.name: {"description": argument.description, "required": argument.required}
                    for argument in step.arguments
                },
            }
            for step in offered.steps
        ],
    }


def step_params(
    ports: Ports, kind: str, *, interface: str, name: str, priority: int, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The parameters of one `execute_*_step` command.

    They carry the versions of the hardware managers under which the steps were listed: an agent that
    has changed since refuses.
    """
    listed = (ports.record.get(LISTINGS) or {}).get(kind) or {}
    return step_parameters(
        AgentStep(name=name, interface=interface, priority=priority, manager=""),
        arguments=arguments,
        node=node_payload(ports.node),
        ports=port_payloads(ports.node),
        kind=kind,
        versions=listed.get("versions"),
    )
