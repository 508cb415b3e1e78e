"""Keep the agent's logs of a run that failed, with its secrets taken out."""

from __future__ import annotations

import asyncio

from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.ports import Ports

# An agent that hangs must not delay the tidying up for long.
LOGS_BUDGET = 45.0


async def collect_logs(ports: Ports, _args: NoArgs) -> None:
    """Leave `agent-logs.tar.gz` in the run's folder where the agent still answers."""
    if ports.record.get("agent") is None or "deploy.tear_down_agent" in ports.record.marks:
        return
    try:
        async with asyncio.timeout(LOGS_BUDGET):
            archive = await ports.agent.collect_logs(secrets=ports.secrets)
    except (BmctlError, TimeoutError):
        return
    path = ports.folder / "agent-logs.tar.gz"
    path.touch(mode=0o600)
    path.write_bytes(archive)
    ports.note(f"the agent's logs are in {path}")


STEP = Step(
    interface="agent",
    name="collect_logs",
    title="collect the agent's logs",
    args=NoArgs,
    run=collect_logs,
    budget=LOGS_BUDGET + 15,
    touches=False,
)
