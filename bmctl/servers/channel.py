"""One client's connection: request headers come in, bytes and ranges of files go out.

Every wait has a limit, so that a client that stalls does not hold its place for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from bmctl.servers.request import HEADER_END, LONGEST_HEADER, BadRequestError

RECEIVE_SIZE = 16 * 1024
# One call sends at most this much, so that one fast client does not hold up the others.
SEND_SIZE = 4 * 1024 * 1024
# What passes through memory where the kernel cannot copy by itself.
READ_SIZE = 256 * 1024
# Seconds for TLS to say goodbye.
FAREWELL = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How patient and how large the server is; times in seconds.

    `header` is for a request to arrive once it has begun, `idle` for the next one to begin, `stall`
    for a client that takes no bytes.
    """

    connections: int = 512
    header: float = 20.0
    idle: float = 75.0
    stall: float = 90.0
    progress: float = 0.5


Receive = Callable[[], Coroutine[Any, Any, bytes]]


class ContentError(Exception):
    """A file is gone, or holds fewer bytes than were promised."""


class Channel(Protocol):
    """A connection that can be read by requests and written to. Waiting too long raises TimeoutError."""

    async def read_header(self) -> bytes | None:
        """The next request's header without its empty line; None where the client has gone."""

    async def discard(self, length: int) -> None:
        """Forget the next bytes that come."""

    async def send(self, data: bytes | memoryview, *, more: bool) -> None:
        """Send all of it; `more` says that something follows at once."""

    async def send_file(self, file: int, offset: int, length: int, sent: Callable[[int], None]) -> None:
        """Send a range of an open file; `sent` is told each count of bytes. Raises ContentError."""

    async def close(self) -> None: ...


class PlainChannel:
    """A channel over a socket; ranges of files go from the page cache to the network by the kernel."""

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()

    async def read_header(self) -> bytes | None:
        return await next_header(self._buffer, self._receive, self._limits)

    async def discard(self, length: int) -> None:
        await drop(self._buffer, self._receive, length, self._limits)

    async def _receive(self) -> bytes:
        return await self._loop.sock_recv(self._socket, RECEIVE_SIZE)

    async def send(self, data: bytes | memoryview, *, more: bool) -> None:
        flags = socket.MSG_MORE if more else 0
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest, flags) :]
            except BlockingIOError:
                await self._writable()

    async def send_file(self, file: int, offset: int, length: int, sent: Callable[[int], None]) -> None:
        while length:
            try:
                count = os.sendfile(self._socket.fileno(), file, offset, min(length, SEND_SIZE))
            except BlockingIOError:
                await self._writable()
                continue
            if count == 0:
                raise ContentError
            offset += count
            length -= count
            sent(count)
            await asyncio.sleep(0)

    async def _writable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._socket, _wake, ready)
        try:
            async with asyncio.timeout(self._limits.stall):
                await ready
        finally:
            self._loop.remove_writer(self._socket)

    async def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()


class StreamChannel:
    """A channel over asyncio's streams, for TLS: bytes pass through this process to be encrypted."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._buffer = bytearray()

    async def read_header(self) -> bytes | None:
        return await next_header(self._buffer, self._receive, self._limits)

    async def discard(self, length: int) -> None:
        await drop(self._buffer, self._receive, length, self._limits)

    async def _receive(self) -> bytes:
        return await self._reader.read(RECEIVE_SIZE)

    async def send(self, data: bytes | memoryview, *, more: bool) -> None:
        self._writer.write(data)
        if not more:
            await self._drain()

    async def send_file(self, file: int, offset: int, length: int, sent: Callable[[int], None]) -> None:
        while length:
            data = os.pread(file, min(length, READ_SIZE), offset)
            if not data:
                raise ContentError
            self._writer.write(data)
            await self._drain()
            offset += len(data)
            length -= len(data)
            sent(len(data))

    async def _drain(self) -> None:
        async with asyncio.timeout(self._limits.stall):
            await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(FAREWELL):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()


async def encrypted_channel(connection: socket.socket, tls: ssl.SSLContext, limits: Limits) -> Channel:
    """A channel over a connection that has just been accepted, once TLS is agreed on."""
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, connection, ssl=tls, ssl_handshake_timeout=limits.header
    )
    return StreamChannel(reader, asyncio.StreamWriter(transport, protocol, reader, loop), limits)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def next_header(buffer: bytearray, receive: Receive, limits: Limits) -> bytes | None:
    """Take the next header out of the buffer, receiving as needed. BadRequestError where it is too long."""
    async with asyncio.timeout(limits.header if buffer else limits.idle) as patience:
        while (end := buffer.find(HEADER_END)) < 0:
            if len(buffer) > LONGEST_HEADER:
                raise BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            first = not buffer
            data = await receive()
            if not data:
                return None
            buffer += data.lstrip(b"\r\n") if first else data
            if first and buffer:
                patience.reschedule(asyncio.get_running_loop().time() + limits.header)
    header = bytes(buffer[:end])
    del buffer[: end + len(HEADER_END)]
    return header


async def drop(buffer: bytearray, receive: Receive, length: int, limits: Limits) -> None:
    """Forget `length` bytes, from the buffer first."""
    async with asyncio.timeout(limits.header):
        while len(buffer) < length:
            length -= len(buffer)
            buffer.clear()
            data = await receive()
            if not data:
                return
            buffer += data
    del buffer[:length]
