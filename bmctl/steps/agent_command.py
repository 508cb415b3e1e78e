"""Run one command on the agent so that a resume finds it again."""

from __future__ import annotations

from typing import Any

from bmctl.agent.answers import CommandStatus
from bmctl.agent.errors import AgentRestartedError
from bmctl.ports import Ports

_PREFIX = "command "
# Flushing what a large image left in the machine's memory to a slow disk takes minutes.
FLUSH_BUDGET = 900.0


async def run_command(
    ports: Ports, label: str, name: str, params: dict[str, Any], *, timeout: float
) -> dict[str, Any]:
    """Return what a command returned, starting it only if it does not run or has not ended well already.

    That it will be started, and then its id, are in the journal before its end is waited for. One left
    by an earlier process is taken up again while the agent has not restarted; if it failed meanwhile
    (the file it read was no longer served), it is started anew. Raises `BmctlError` where the agent
    reports a failure, and `AgentRestartedError` where it is not the one that this run has met: a new
    one knows nothing of the node, nor which disk is meant.
    """
    status = await ports.agent.status()
    _require_same_agent(ports, status.started_at)
    earlier = await _earlier(ports, label, name, status.started_at)
    if earlier is not None:
        ports.note(f"taking up {_short(name)} again where it was left")
        ports.record.put(_PREFIX + label, {"id": earlier, "started_at": status.started_at})
        result = await ports.agent.wait(earlier, timeout=timeout, started_at=status.started_at)
        if result.status is CommandStatus.SUCCEEDED:
            return result.outcome()
        ports.note(f"{_short(name)} did not end well while nobody looked: starting it anew")
    ports.record.put(_PREFIX + label, {"id": None, "started_at": status.started_at})
    command = await ports.agent.start(name, params)
    ports.record.put(_PREFIX + label, {"id": command.id, "started_at": status.started_at})
    result = await ports.agent.wait(command.id, timeout=timeout, started_at=status.started_at)
    return result.outcome()


def forget_command(ports: Ports, label: str) -> None:
    """The command of this label ended in a way that is dealt with: the next one is not it."""
    ports.record.put(_PREFIX + label, None)


async def flush(ports: Ports) -> None:
    """Leave every byte that was written on the machine's disks, so that switching it off loses none."""
    await ports.agent.call("standby.sync", {}, timeout=FLUSH_BUDGET)


async def _earlier(ports: Ports, label: str, name: str, started_at: float) -> str | None:
    """The id of this command from an earlier process, if this very agent was given it."""
    remembered = ports.record.get(_PREFIX + label)
    if remembered is None or remembered["started_at"] != started_at:
        return None
    if remembered["id"] is not None:
        return str(remembered["id"])
    # The process ended between asking and hearing the id: the agent's list tells.
    command = await ports.agent.adopt(name)
    known = {fact["id"] for fact in ports.record.named(_PREFIX) if fact is not None}
    return command.id if command is not None and command.id not in known else None


def _require_same_agent(ports: Ports, started_at: float) -> None:
    met = ports.record.get("agent")
    if met is not None and met["started_at"] != started_at:
        raise AgentRestartedError(
            "the agent has started anew since this run met it",
            hint="see the machine's console for why; bmctl resume boots the ramdisk again",
        )


def _short(name: str) -> str:
    return name.rpartition(".")[2]
