"""Wait until the deployed system answers at its own address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.errors import BmctlError
from bmctl.ports import Ports

PAUSE = 0.5
CONNECT_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForInstance:
    """The TCP port that shows the system is up, and for how long to try, in seconds."""

    address: str
    port: int
    timeout: float


async def wait_for_instance(ports: Ports, args: WaitForInstance) -> None:
    """Return once the port accepts a connection."""
    try:
        async with asyncio.timeout(args.timeout):
            while (seen := await _try_connect(args)) is not None:
                ports.evidence.see(f"{args.address} port {args.port}", seen)
                ports.progress(f"waiting for {args.address} port {args.port}")
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise BmctlError(
            f"no answer from {args.address} port {args.port} for {args.timeout:.0f} s",
            hint="look at the machine's console: did it boot its disk, and did cloud-init set the address",
        ) from None


async def _try_connect(args: WaitForInstance) -> str | None:
    """What was seen, or None when the connection was accepted."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, writer = await asyncio.open_connection(args.address, args.port)
    except TimeoutError:
        return "silent"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    writer.close()
    return None


STEP = Step(
    interface="deploy",
    name="wait_for_instance",
    title="wait for the deployed system",
    args=WaitForInstance,
    run=wait_for_instance,
    budget=7200,
    typical=40,
    touches=False,
)
