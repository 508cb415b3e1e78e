"""Serves files over HTTP for as long as the command that needs them runs.

Only what was published exists: a request's path is looked up in a table and never touches the file
system. Each publication has a path that cannot be guessed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import itertools
import re
import secrets
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from types import MappingProxyType, TracebackType
from typing import Self

from bmctl.errors import BmctlError
from bmctl.model.network import Address
from bmctl.servers.channel import Channel, ContentError, Limits, PlainChannel, encrypted_channel
from bmctl.servers.content import Content, WholeFile, fingerprint
from bmctl.servers.request import BadRequestError, Request, Span, choose_span, parse_request
from bmctl.servers.route import advertised_url
from bmctl.servers.transfer import Fetch, Outcome, Progress, Tell, opened, send_span

KEY_BYTES = 24
BACKLOG = 512
# A pause for descriptors to come back before the next connection is taken.
OUT_OF_DESCRIPTORS_PAUSE = 0.1

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_TYPES = MappingProxyType(
    {".iso": "application/x-iso9660-image", ".efi": "application/efi", ".json": "application/json"}
)
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Something that can be fetched. `path` holds the secret key: it goes into URLs, not into logs."""

    name: str
    path: str = field(repr=False)
    content: Content = field(repr=False)
    etag: str
    modified: str

    @property
    def size(self) -> int:
        return self.content.size

    @property
    def content_type(self) -> str:
        return _TYPES.get(PurePosixPath(self.name).suffix, "application/octet-stream")


def new_key() -> str:
    """A key for a publication's path that cannot be guessed."""
    return secrets.token_urlsafe(KEY_BYTES)


class FileServer:
    """A web server inside this process, listening from `async with` to its end.

    `host` None listens on all addresses of both families. `port` 0 takes a free one; it is then
    found in `port`. `tell` hears of every fetch. With `tls` it speaks HTTPS and bytes are copied by
    this process; without, by the kernel.
    """

    def __init__(
        self,
        *,
        host: Address | str | None = None,
        port: int = 0,
        tell: Tell | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host = None if host is None else str(host)
        self.port = port
        self._tell: Tell = tell or _say_nothing
        self._limits = limits or Limits()
        self._tls = tls
        self._published: dict[str, Publication] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(self._limits.connections)
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        self._listener = _listen(self._host, self.port)
        self.port = self._listener.getsockname()[1]
        self._loop = asyncio.get_running_loop()
        self._acceptor = self._loop.create_task(self._accept())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at once: clients in the middle of a file are cut off."""
        tasks = {self._acceptor, *self._connections}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()

    def publish(self, content: Content | Path, name: str, *, key: str | None = None) -> Publication:
        """Make a file fetchable under a path that ends in `name`.

        The same key and name give the same path, also in another process: a resumed run passes the
        key it had. Publishing a path again replaces what was there.
        """
        if not _NAME.fullmatch(name) or (key is not None and not _KEY.fullmatch(key)):
            raise BmctlError(f"{name!r} cannot be published under this name and key")
        if isinstance(content, Path):
            content = WholeFile(path=content, size=content.stat().st_size)
        publication = Publication(
            name=name,
            path=f"/{key or new_key()}/{name}",
            content=content,
            etag=f'"{fingerprint(content)}"',
            modified=formatdate(time.time(), usegmt=True),
        )
        self._published[publication.path] = publication
        return publication

    def withdraw(self, publication: Publication) -> None:
        """Its path does not exist any more; what is on its way is finished."""
        self._published.pop(publication.path, None)

    def url(self, publication: Publication, address: Address | str) -> str:
        """Where a machine that sees this host at `address` fetches the publication."""
        scheme = "https" if self._tls else "http"
        return advertised_url(address, self.port, publication.path, scheme=scheme)

    async def _accept(self) -> None:
        while True:
            await self._slots.acquire()
            try:
                connection, peer = await self._loop.sock_accept(self._listener)
            except OSError as error:
                self._slots.release()
                if error.errno in _OUT_OF_RESOURCES:
                    await asyncio.sleep(OUT_OF_DESCRIPTORS_PAUSE)
                continue
            task = self._loop.create_task(self._serve(connection, _client(peer[0])))
            self._connections.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        self._slots.release()

    async def _serve(self, connection: socket.socket, client: str) -> None:
        # Clients vanish and stall; the fetch's own event has told it.
        with contextlib.suppress(OSError, TimeoutError):
            channel = await self._channel(connection)
            try:
                while await self._serve_one(channel, client):
                    pass
            finally:
                await channel.close()

    async def _channel(self, connection: socket.socket) -> Channel:
        try:
            if self._tls is None:
                return PlainChannel(connection, self._limits)
            return await encrypted_channel(connection, self._tls, self._limits)
        except BaseException:
            connection.close()
            raise

    async def _serve_one(self, channel: Channel, client: str) -> bool:
        """Answer one request; False where the connection ends."""
        try:
            if (header := await channel.read_header()) is None:
                return False
            request = parse_request(header)
            await channel.discard(request.body_length)
        except BadRequestError as error:
            await channel.send(_head(error.status, keep_alive=False), more=False)
            return False
        return await self._answer(channel, client, request)

    async def _answer(self, channel: Channel, client: str, request: Request) -> bool:
        publication = self._published.get(request.path)
        if request.method not in {"GET", "HEAD"}:
            return await self._refuse(
                channel, client, request, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"}
            )
        if publication is None:
            return await self._refuse(channel, client, request, HTTPStatus.NOT_FOUND)
        try:
            fields = request.fields if request.method == "GET" else _NO_FIELDS
            span = choose_span(
                fields, size=publication.size, etag=publication.etag, modified=publication.modified
            )
        except BadRequestError as error:
            extra = {"Content-Range": f"bytes */{publication.size}"}
            return await self._refuse(channel, client, request, error.status, extra, name=publication.name)
        return await self._send(channel, client, request, publication, span)

    async def _refuse(
        self,
        channel: Channel,
        client: str,
        request: Request,
        status: HTTPStatus,
        extra: Mapping[str, str] = _NO_FIELDS,
        *,
        name: str = "",
    ) -> bool:
        await channel.send(_head(status, extra, keep_alive=request.keep_alive), more=False)
        number = next(self._numbers)
        self._tell(Fetch(client=client, name=name, method=request.method, status=status, number=number))
        return request.keep_alive

    async def _send(
        self, channel: Channel, client: str, request: Request, publication: Publication, span: Span
    ) -> bool:
        progress = Progress(
            client=client,
            name=publication.name,
            method=request.method,
            span=span,
            tell=self._tell,
            clock=self._loop.time,
            interval=self._limits.progress,
            started=self._loop.time(),
            number=next(self._numbers),
        )
        with contextlib.ExitStack() as stack:
            try:
                files = stack.enter_context(opened(publication.content, span))
            except ContentError:
                progress.report(Outcome.FAILED)
                await channel.send(_head(HTTPStatus.INTERNAL_SERVER_ERROR, keep_alive=False), more=False)
                return False
            return await self._send_open(channel, request, publication, files, progress)

    async def _send_open(
        self,
        channel: Channel,
        request: Request,
        publication: Publication,
        files: Mapping[Path, int],
        progress: Progress,
    ) -> bool:
        span = progress.span
        body = request.method == "GET" and span.length > 0
        head = _head(span.status, _describe(publication, span), keep_alive=request.keep_alive)
        outcome = Outcome.ABORTED
        try:
            await channel.send(head, more=body)
            if body:
                await send_span(channel, publication.content, span, files, progress)
            outcome = Outcome.DONE
        except ContentError:
            # What was promised cannot be sent any more: only a broken connection says so.
            outcome = Outcome.FAILED
            return False
        finally:
            progress.report(outcome)
        return request.keep_alive


def _say_nothing(_fetch: Fetch) -> None:
    """Nobody listens."""


def _describe(publication: Publication, span: Span) -> dict[str, str]:
    fields = {
        "Content-Type": publication.content_type,
        "Content-Length": str(span.length),
        "Accept-Ranges": "bytes",
        "ETag": publication.etag,
        "Last-Modified": publication.modified,
    }
    if (content_range := span.content_range(publication.size)) is not None:
        fields["Content-Range"] = content_range
    return fields


def _head(status: HTTPStatus, extra: Mapping[str, str] = _NO_FIELDS, *, keep_alive: bool) -> bytes:
    fields = {
        "Date": formatdate(time.time(), usegmt=True),
        "Connection": "keep-alive" if keep_alive else "close",
        "Content-Length": "0",
        **extra,
    }
    lines = (f"{name}: {value}" for name, value in fields.items())
    return "\r\n".join((f"HTTP/1.1 {status.value} {status.phrase}", *lines, "", "")).encode("latin-1")


def _listen(host: str | None, port: int) -> socket.socket:
    try:
        if host is None and socket.has_dualstack_ipv6():
            listener = socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        else:
            family = socket.AF_INET6 if ":" in (host or "") else socket.AF_INET
            listener = socket.create_server((host or "", port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise BmctlError(
            f"cannot listen on {host or 'any address'} port {port}: {error.strerror}",
            hint="choose another port, or end the program that uses this one",
        ) from error
    listener.setblocking(False)
    return listener


def _client(address: str) -> str:
    """The client's address; IPv4 through an IPv6 socket is shown as IPv4."""
    known = ipaddress.ip_address(address.partition("%")[0])
    mapped = known.ipv4_mapped if isinstance(known, ipaddress.IPv6Address) else None
    return str(mapped or known)
