"""Wait until the agent in the ramdisk answers with this run's certificate and token."""

from __future__ import annotations

from bmctl.agent.connection import Evidence
from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.ports import Ports

# A real machine's power-on self-test can take ten minutes before the first byte of the medium is read.
BOOT_BUDGET = 1500.0


async def wait_for_agent(ports: Ports, _args: NoArgs) -> None:
    """Leave the agent's start time and version in the journal."""
    address = ports.node.network.address

    def told(what: Evidence) -> None:
        ports.evidence.see(f"agent at {address}", str(what))
        ports.progress(f"agent at {address}: {what}")

    status = await ports.agent.wait_ready(timeout=BOOT_BUDGET, told=told)
    if await ports.agent.commands():
        raise BmctlError(
            "the agent has been given commands by somebody else since it started",
            hint="find out who else drives this machine, then deploy again",
        )
    ports.record.put("agent", {"started_at": status.started_at, "version": status.version})
    ports.evidence.see("agent", f"{status.version} answered")


STEP = Step(
    interface="agent",
    name="wait",
    title="wait for the agent",
    args=NoArgs,
    run=wait_for_agent,
    budget=BOOT_BUDGET + 60,
    typical=30,
    boots=True,
    touches=False,
)
