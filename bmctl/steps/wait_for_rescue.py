"""Wait until the rescue's SSH server greets at the node's address."""

from __future__ import annotations

import asyncio

from bmctl.engine.step import NoArgs, Step
from bmctl.errors import UnreachableError
from bmctl.ports import Ports
from bmctl.steps.ssh_greeting import SSH_PORT, greeting_of

PAUSE = 0.5
WAIT_BUDGET = 300.0


async def wait_for_rescue(ports: Ports, _args: NoArgs) -> None:
    """Return once the rescue's SSH server greets."""
    await wait_for_ssh(ports, port=SSH_PORT, timeout=WAIT_BUDGET)


async def wait_for_ssh(ports: Ports, *, port: int, timeout: float) -> None:
    """Return once an SSH server greets; raises `UnreachableError` with what was seen instead."""
    address, seen = str(ports.node.network.address), "nothing"
    try:
        async with asyncio.timeout(timeout):
            while not (greeting := await greeting_of(address, port)).is_ssh:
                seen = greeting.seen
                ports.evidence.see(f"{address} port {port}", seen)
                ports.progress(f"waiting for SSH at {address}: {seen}")
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise UnreachableError(
            f"no SSH server answered at {address} port {port} within {timeout:.0f} s: {seen}",
            hint="see the machine's console; a ramdisk made by others must bring an SSH server of its own",
        ) from None
    ports.evidence.see(f"{address} port {port}", greeting.seen)
    ports.note(f"SSH answers at {address}: {greeting.seen}")


STEP = Step(
    interface="rescue",
    name="wait",
    title="wait for the rescue's SSH server",
    args=NoArgs,
    run=wait_for_rescue,
    budget=WAIT_BUDGET + 30,
    typical=5,
    touches=False,
)
