"""Finds out whether the ramdisk that an earlier process of a run booted is still there."""

from __future__ import annotations

from bmctl.agent.answers import AgentStatus
from bmctl.agent.evidence import Evidence, NoAnswerError
from bmctl.errors import BmctlError
from bmctl.model.firmware import PowerState
from bmctl.ports import Ports

# An agent that writes an image at full speed may answer late.
TRIES = 3
TRY_TIMEOUT = 10.0
_MAY_BE_BUSY = frozenset({Evidence.SILENT, Evidence.TLS_UP})


async def ramdisk_is_up(ports: Ports) -> bool:
    """Whether the very agent that this run met still answers; any agent of this run, if it met none yet."""
    if await _is_off(ports):
        return False
    status = await _status(ports)
    if status is None:
        return False
    met = ports.record.get("agent")
    return met is None or bool(status.started_at == met["started_at"])


async def _status(ports: Ports) -> AgentStatus | None:
    for _ in range(TRIES):
        try:
            return await ports.agent.status(timeout=TRY_TIMEOUT)
        except NoAnswerError as error:
            if error.evidence not in _MAY_BE_BUSY:
                return None
        except BmctlError:
            return None
    return None


async def _is_off(ports: Ports) -> bool:
    """Asked first, as a machine that is off would only be waited for."""
    try:
        return await ports.driver.power.state() is PowerState.OFF
    except BmctlError:
        return False
