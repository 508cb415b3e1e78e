"""Wait until the rescue's SSH server greets at the node's address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.errors import UnreachableError
from bmctl.ports import Ports
from bmctl.steps.ssh_greeting import SSH_PORT, greeting_of

PAUSE = 0.5
WAIT_BUDGET = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForRescue:
    """The server's TCP port, and for how long to try, in seconds."""

    port: int = SSH_PORT
    timeout: float = WAIT_BUDGET


async def wait_for_rescue(ports: Ports, args: WaitForRescue) -> None:
    """Return once an SSH server greets; raises `UnreachableError` with what was seen instead."""
    address, seen = str(ports.node.network.address), "nothing"
    try:
        async with asyncio.timeout(args.timeout):
            while not (greeting := await greeting_of(address, args.port)).is_ssh:
                seen = greeting.seen
                ports.evidence.see(f"{address} port {args.port}", seen)
                ports.progress(f"waiting for SSH at {address}: {seen}")
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise UnreachableError(
            f"no SSH server answered at {address} port {args.port} within {args.timeout:.0f} s: {seen}",
            hint="see the machine's console; a ramdisk made by others must bring an SSH server of its own",
        ) from None
    ports.evidence.see(f"{address} port {args.port}", greeting.seen)
    ports.note(f"SSH answers at {address}: {greeting.seen}")


STEP = Step(
    interface="rescue",
    name="wait",
    title="wait for the rescue's SSH server",
    args=WaitForRescue,
    run=wait_for_rescue,
    budget=WAIT_BUDGET + 30,
    typical=5,
    touches=False,
)
