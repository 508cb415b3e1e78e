"""Wait until the agent in the ramdisk answers with this run's certificate and token."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bmctl.agent.answers import AgentStatus
from bmctl.agent.evidence import Evidence
from bmctl.engine.step import Step
from bmctl.errors import BmctlError
from bmctl.ports import Ports
from bmctl.steps.boot_watch import BootWatch

# A real machine's power-on self-test can take ten minutes before the first byte of the medium is read.
BOOT_BUDGET = 1500.0
MEDIUM_BUDGET = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForAgent:
    """How long to wait for the agent, and for the first byte of the medium to be read; in seconds."""

    timeout: float = BOOT_BUDGET
    medium_within: float = MEDIUM_BUDGET


async def wait_for_agent(ports: Ports, args: WaitForAgent) -> None:
    """Leave the agent's start time and version in the journal.

    Gives up as soon as it is known that the agent cannot come: the machine is off, nobody reads its
    medium, or another certificate than this run's is shown at its address.
    """
    status = await _first_answer(ports, args)
    if await ports.agent.commands():
        raise BmctlError(
            "the agent has been given commands by somebody else since it started",
            hint="find out who else drives this machine, then deploy again",
        )
    ports.record.put("agent", {"started_at": status.started_at, "version": status.version})
    ports.evidence.see("agent", f"{status.version} answered")


async def _first_answer(ports: Ports, args: WaitForAgent) -> AgentStatus:
    address = ports.node.network.address
    watch = BootWatch(ports, medium_within=args.medium_within)

    def told(what: Evidence) -> None:
        watch.told(what)
        ports.evidence.see(f"agent at {address}", str(what))
        ports.progress(f"agent at {address}: {what}")

    asking = asyncio.ensure_future(ports.agent.wait_ready(timeout=args.timeout, told=told))
    watching = asyncio.ensure_future(watch.run())
    try:
        await asyncio.wait({asking, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            watching.result()
        return await asking
    finally:
        asking.cancel()
        watching.cancel()
        await asyncio.gather(asking, watching, return_exceptions=True)


STEP = Step(
    interface="agent",
    name="wait",
    title="wait for the agent",
    args=WaitForAgent,
    run=wait_for_agent,
    budget=BOOT_BUDGET + 60,
    typical=30,
    boots=True,
    touches=False,
)
