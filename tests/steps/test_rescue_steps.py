"""Handing a machine to its rescuer: the password is given once, and a run that was cut off finds it given."""
# ruff: noqa: ARG002 - what stands for a real part takes all that the real one takes

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from paper_node import MAC, make_node
from paper_world import PaperWorld

from bmctl.agent.evidence import Evidence, NoAnswerError
from bmctl.errors import BmctlError, UnreachableError
from bmctl.model.network import Attachment, Ethernet, NetworkConfig
from bmctl.ports import Ports
from bmctl.steps import finalize_rescue as finalizing
from bmctl.steps.finalize_rescue import give_password
from bmctl.steps.wait_for_rescue import wait_for_ssh
from bmctl.store.marks import RunRecord

PASSWORD = "correct horse"


class RescuedAgent:
    """An agent that ends once it has the password; `loses_reply` ends it before it has answered."""

    def __init__(self, *, runs: bool = True, loses_reply: bool = False) -> None:
        self.runs, self.loses_reply = runs, loses_reply
        self.given: list[Any] = []

    async def status(self, *, timeout: float) -> None:
        if not self.runs:
            raise NoAnswerError("the agent", evidence=Evidence.PORT_CLOSED, sent=False)

    async def call(self, name: str, parameters: Any, *, timeout: float) -> dict[str, Any]:
        self.given.append((name, parameters))
        self.runs = False
        if self.loses_reply:
            raise NoAnswerError("the agent", evidence=Evidence.PORT_CLOSED, sent=True)
        return {}


@pytest.fixture
def world(tmp_path) -> PaperWorld:
    address = ipaddress.ip_interface("127.0.0.1/8")
    network = NetworkConfig(
        links=(Ethernet(name="eth0", mac=MAC),), attachments=(Attachment(link="eth0", addresses=(address,)),)
    )
    return PaperWorld(tmp_path, node=make_node(network=network))


def ports_of(world: PaperWorld, agent: RescuedAgent, password: str = PASSWORD) -> Ports:
    ports = world.ports(RunRecord(world.journal))
    ports.agent, ports.rescue_password = agent, password  # type: ignore[assignment]
    return ports


@asynccontextmanager
async def server(says: bytes) -> AsyncIterator[int]:
    """The port of a server that greets with these words."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


async def test_the_password_goes_to_the_agent_and_nowhere_else(world):
    agent = RescuedAgent()
    await give_password(ports_of(world, agent), port=1)
    assert agent.given == [("rescue.finalize_rescue", {"rescue_password": PASSWORD, "hashed": False})]
    assert PASSWORD not in str(world.journal.facts)
    assert PASSWORD not in repr(ports_of(world, agent))


async def test_a_run_cut_off_after_the_password_was_given_goes_on(world):
    agent = RescuedAgent()
    await give_password(ports_of(world, agent), port=1)
    async with server(b"SSH-2.0-dropbear\r\n") as port:
        await give_password(ports_of(world, agent), port=port)
    assert len(agent.given) == 1


async def test_a_lost_reply_is_no_failure_where_ssh_comes_up(world):
    async with server(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        await give_password(ports_of(world, RescuedAgent(loses_reply=True)), port=port)


async def test_an_ssh_server_proves_nothing_before_the_password_was_given(world):
    async with server(b"SSH-2.0-dropbear\r\n") as port:
        with pytest.raises(UnreachableError):
            await give_password(ports_of(world, RescuedAgent(runs=False)), port=port)


async def test_a_lost_reply_is_a_failure_where_no_ssh_comes_up(world, monkeypatch):
    monkeypatch.setattr(finalizing, "DOUBT_BUDGET", 0.05)
    async with server(b"HTTP/1.1 200 OK\r\n") as port:
        with pytest.raises(NoAnswerError):
            await give_password(ports_of(world, RescuedAgent(loses_reply=True)), port=port)


async def test_without_a_password_nothing_is_asked(world):
    agent = RescuedAgent()
    with pytest.raises(BmctlError, match="no rescue password"):
        await give_password(ports_of(world, agent, password=""), port=1)
    assert agent.given == []


async def test_ssh_is_waited_for_past_other_greetings(world):
    ports = ports_of(world, RescuedAgent())
    async with server(b"Welcome\r\nSSH-2.0-dropbear\r\n") as port:
        await wait_for_ssh(ports, port=port, timeout=5)
    assert "SSH-2.0-dropbear" in str(ports.evidence)


@pytest.mark.parametrize(
    ("says", "seen"), [(b"HTTP/1.1 200 OK\r\n", "something that is not SSH"), (b"x" * 9000, "not SSH")]
)
async def test_what_answered_instead_is_told(world, says, seen):
    async with server(says) as port:
        with pytest.raises(UnreachableError, match=seen):
            await wait_for_ssh(ports_of(world, RescuedAgent()), port=port, timeout=0.1)


async def test_nothing_at_the_port_is_told(world):
    with pytest.raises(UnreachableError, match="refused"):
        await wait_for_ssh(ports_of(world, RescuedAgent()), port=1, timeout=0.1)
