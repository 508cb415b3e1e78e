"""Let some time pass, or wait until the ramdisk's agent answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bmctl.engine.step import Step
from bmctl.ports import Ports

# A wait without a time is for an agent that is busy or on its way back.
AGENT_BUDGET = 1500.0
LONGEST = 24 * 3600.0
_TELL_EVERY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long to wait."""

    seconds: float | None = field(
        default=None,
        metadata={"description": "Seconds to wait; without it, until the agent answers"},
    )


async def wait(ports: Ports, args: Wait) -> None:
    """Return after the time, or once the agent answers where no time is given."""
    if args.seconds is None:
        if ports.record.get("agent") is not None:
            await ports.agent.wait_ready(timeout=AGENT_BUDGET)
        return
    loop = asyncio.get_running_loop()
    began = loop.time()
    end = began + args.seconds
    while (left := end - loop.time()) > 0:
        ports.progress("waiting", done=round(loop.time() - began), total=args.seconds, unit="s")
        await asyncio.sleep(min(left, _TELL_EVERY))


STEP = Step(
    interface="reserved",
    name="wait",
    title="wait",
    args=Wait,
    run=wait,
    budget=LONGEST,
    typical=10,
)
