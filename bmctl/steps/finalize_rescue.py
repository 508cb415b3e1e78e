"""Give the agent the rescue password: it stores the hash and ends, and the ramdisk starts an SSH server."""

from __future__ import annotations

import asyncio

from bmctl.agent.evidence import NoAnswerError
from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.ports import Ports
from bmctl.steps.ssh_greeting import SSH_PORT, greeting_of

# Storing a hash takes a moment. An agent whose reply is lost has ended: it is not asked for it for long.
COMMAND_TIMEOUT = 15.0
STATUS_TIMEOUT = 5.0
# How long after a lost reply the SSH server may take to show that the password has arrived.
DOUBT_BUDGET = 60.0
PAUSE = 0.5
_GIVEN = "rescue password given"


async def finalize_rescue(ports: Ports, _args: NoArgs) -> None:
    """Leave the agent gone and the password with the ramdisk."""
    await give_password(ports, port=SSH_PORT)


async def give_password(ports: Ports, *, port: int) -> None:
    """See that the agent has the password, whether this process or one before gave it.

    The password goes over the agent's pinned TLS and is hashed there; it is in no journal. That it was
    given is noted before it is, so that an agent which has ended since is not taken for a failure.
    """
    if not ports.rescue_password:
        raise BmctlError("there is no rescue password", hint="start the rescue anew with: bmctl rescue")
    try:
        await ports.agent.status(timeout=STATUS_TIMEOUT)
        ports.record.put(_GIVEN, True)
        await ports.agent.call(
            "rescue.finalize_rescue",
            {"rescue_password": ports.rescue_password, "hashed": False},
            timeout=COMMAND_TIMEOUT,
        )
    except NoAnswerError:
        if not (ports.record.get(_GIVEN) and await _is_rescued(ports, port)):
            raise
    ports.evidence.see("agent", "took the rescue password")


async def _is_rescued(ports: Ports, port: int) -> bool:
    """Whether an SSH server comes up, which is started for nothing but a rescue."""
    try:
        async with asyncio.timeout(DOUBT_BUDGET):
            while not (greeting := await greeting_of(str(ports.node.network.address), port)).is_ssh:
                ports.evidence.see("SSH port", greeting.seen)
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        return False
    return True


STEP = Step(
    interface="rescue",
    name="finalize",
    title="give the agent the rescue password",
    args=NoArgs,
    run=finalize_rescue,
    budget=180,
    typical=1,
    needs_ramdisk=True,
)
