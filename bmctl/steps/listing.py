"""What the agent offers to do: asked for, kept in the journal, and asked for again when it has changed."""

from __future__ import annotations

from typing import Any

from bmctl.agent.answers import AgentSteps
from bmctl.agent.errors import StepsChangedError
from bmctl.agent.payload import node_payload, port_payloads
from bmctl.errors import BmctlError
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.agent_command import forget_command, run_command
from bmctl.steps.payload import LISTINGS, remember_steps, step_params


async def list_steps(ports: Ports, kind: StepKind) -> AgentSteps:
    """Leave the agent's steps of this kind in the journal, and the node in the agent's memory."""
    offered = await ports.agent.steps(kind, node_payload(ports.node), port_payloads(ports.node))
    ports.record.put(LISTINGS, {**(ports.record.get(LISTINGS) or {}), kind.value: remember_steps(offered)})
    return offered


async def run_listed_step(
    ports: Ports,
    kind: StepKind,
    *,
    interface: str,
    name: str,
    priority: int,
    arguments: dict[str, Any],
    timeout: float,
    part: str = "",
) -> dict[str, Any]:
    """Return what a step of the agent returned; `part` tells several of one task apart.

    An agent whose hardware managers have changed since they were asked refuses: then it is asked
    again, and the step repeated once if it is still offered.
    """
    label = f"{ports.task} {kind} {interface}.{name}{part and ' '}{part}"

    async def once() -> dict[str, Any]:
        params = step_params(
            ports, kind, interface=interface, name=name, priority=priority, arguments=arguments
        )
        return await run_command(ports, label, f"{kind}.execute_{kind}_step", params, timeout=timeout)

    try:
        return await once()
    except StepsChangedError:
        ports.note("the agent's steps have changed since they were listed: listing them again")
        offered = await list_steps(ports, kind)
        if offered.find(name) is None:
            raise BmctlError(
                f"the agent no longer offers {interface}.{name}",
                hint="see what changed in the machine's hardware, then run bmctl resume",
            ) from None
        forget_command(ports, label)
    return await once()
