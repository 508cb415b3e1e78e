"""The web server with clients that misbehave, and files and descriptors that run out."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket

import aiohttp
import pytest
from web_clients import get, talk

from bmctl.servers.channel import Limits
from bmctl.servers.http import FileServer
from bmctl.servers.transfer import Outcome


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"HELLO\r\n\r\n"])
async def test_junk_is_refused_and_the_server_goes_on(served, junk):
    assert (await talk(served.server.port, junk)).startswith(b"HTTP/1.1 400 ")
    answer, _ = await get(served.url)
    assert answer.status == 200


async def test_an_endless_header_is_refused(served):
    answer = await talk(served.server.port, b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 4000)
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_client_that_vanishes_is_told(served):
    _, writer = await asyncio.open_connection("127.0.0.1", served.server.port, limit=1024)
    writer.write(f"GET {served.publication.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await writer.drain()
    writer.transport.abort()
    (fetch,) = await served.ended()
    assert fetch.outcome in {Outcome.ABORTED, Outcome.DONE}
    answer, body = await get(served.url)
    assert (answer.status, body) == (200, served.content)


@pytest.fixture
def large(tmp_path):
    """More than the kernel buffers for a client that does not read."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(200 << 20)
    return path


def stalled_client(server, path):
    """A connection that asks and does not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


async def test_a_client_that_stalls_loses_its_place(large):
    told = []
    async with FileServer(
        host="127.0.0.1", tell=told.append, limits=Limits(connections=1, stall=0.2)
    ) as server:
        publication = server.publish(large, "large.img")
        with stalled_client(server, publication.path):
            async with (
                aiohttp.ClientSession() as session,
                session.head(server.url(publication, "127.0.0.1")) as answer,
            ):
                assert answer.status == 200
    aborted = [fetch for fetch in told if fetch.outcome is Outcome.ABORTED]
    assert len(aborted) == 1
    assert 0 < aborted[0].sent < 200 << 20


async def test_a_client_that_says_nothing_loses_its_place():
    async with FileServer(host="127.0.0.1", limits=Limits(idle=0.1)) as server:
        assert await talk(server.port) == b""


async def test_half_a_request_is_not_waited_for_longer_than_its_limit():
    async with FileServer(host="127.0.0.1", limits=Limits(header=0.1)) as server:
        assert await talk(server.port, b"GET / HT") == b""


async def test_leaving_cuts_off_who_is_in_the_middle(large, told):
    async with FileServer(host="127.0.0.1", tell=told.add) as server:
        client = stalled_client(server, server.publish(large, "large.img").path)
        await told.until(bool)
    with client:
        assert told[-1].outcome is Outcome.ABORTED
    with pytest.raises(OSError, match=r"failed|refused"):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_hundred_at_once(served):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(number):
            async with session.get(
                served.url, headers={"Range": f"bytes={number * 1000}-{number * 1000 + 299_999}"}
            ) as answer:
                return await answer.read() == served.content[number * 1000 : number * 1000 + 300_000]

        assert all(await asyncio.gather(*(one(number) for number in range(100))))


async def test_running_out_of_descriptors_is_survived(served):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    crowd = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        for _ in range(64):
            with contextlib.suppress(OSError):
                crowd.append(socket.create_connection(("127.0.0.1", served.server.port)))
            await asyncio.sleep(0)
        assert len(crowd) < 64
    finally:
        for connection in crowd:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    answer, _ = await get(served.url)
    assert answer.status == 200


async def test_a_file_that_became_shorter_is_an_error_not_a_short_answer(served, tmp_path):
    (tmp_path / "initramfs").write_bytes(b"short")
    answer, _ = await get(served.url)
    assert answer.status == 500
    (fetch,) = await served.ended()
    assert fetch.outcome is Outcome.FAILED
    answer, body = await get(served.url, Range="bytes=0-99")
    assert (answer.status, body) == (206, served.content[:100])


async def test_a_file_that_is_gone_is_an_error(served, tmp_path):
    (tmp_path / "kernel").unlink()
    answer, _ = await get(served.url)
    assert answer.status == 500
