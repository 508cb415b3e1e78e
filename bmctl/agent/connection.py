"""One pinned TLS connection to an agent: requests in, JSON out, and what was seen when that failed."""

from __future__ import annotations

import asyncio
import errno
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from bmctl.agent.answers import shorten
from bmctl.agent.evidence import Evidence, NoAnswerError
from bmctl.errors import RefusedError, UnreachableError
from bmctl.model.secret import Secret

# Logs come as base64 inside JSON: a few MB as a rule, and no reason to fill the memory of this host.
LARGEST_ANSWER = 512 * 2**20
# A TLS handshake counts too, and takes seconds on a machine that is emulated or busy.
LONGEST_CONNECT = 15.0
NO_ROUTE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the agent's HTTP server said."""

    code: int
    body: Any

    @property
    def ok(self) -> bool:
        return self.code == HTTPStatus.OK

    @property
    def fault(self) -> str:
        """The agent's own words for a refusal."""
        text = self.body.get("faultstring") if isinstance(self.body, dict) else None
        return shorten(str(text or f"HTTP status {self.code}"))


class Connection:
    """Requests to one agent, which is known by its certificate alone.

    The system's certificate store is never asked, and names do not matter: only the holder of the
    key that was baked into this machine's medium can answer. The token goes with commands only.
    """

    def __init__(self, address: str, *, port: int, token: Secret, certificate_pem: str) -> None:
        self.address = address
        self._token = token
        self._base = URL.build(scheme="https", host=address, port=port)
        self._tls = _trust_only(certificate_pem)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=4, keepalive_timeout=5.0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, *, with_token: bool, timeout: float) -> Answer:
        """The answer to a GET; raises `NoAnswerError`, or `RefusedError` for a wrong certificate or token."""
        return await self._request("GET", path, with_token=with_token, body=None, timeout=timeout)

    async def post(self, path: str, body: Mapping[str, Any], *, timeout: float) -> Answer:
        """The answer to a POST that carries the token; raises as `get` does."""
        return await self._request("POST", path, with_token=True, body=body, timeout=timeout)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        with_token: bool,
        body: Mapping[str, Any] | None,
        timeout: float,
    ) -> Answer:
        if self._session is None:
            raise RuntimeError("the connection is used outside its async with block")
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=LONGEST_CONNECT)
        query = {"agent_token": self._token.reveal()} if with_token else {}
        try:
            async with self._session.request(
                method,
                self._base.with_path(path),
                params=query,
                json=body,
                timeout=limits,
                allow_redirects=False,
            ) as response:
                answer = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The cause is dropped on purpose: the text of aiohttp's errors may hold the URL with its token.
            raise self._explain(error) from None
        if answer.code == HTTPStatus.UNAUTHORIZED:
            raise RefusedError(
                f"the agent at {self.address} refused this run's token",
                hint="it was started by another run: deploy again, so that the machine boots its own medium",
            )
        return answer

    def _explain(self, error: Exception) -> UnreachableError:
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return RefusedError(
                f"the agent at {self.address} showed another certificate than the one made for this run",
                hint="another machine has this address, or it booted an old medium",
            )
        evidence, sent = _evidence_of(error)
        return NoAnswerError(f"the agent at {self.address}: {evidence}", evidence=evidence, sent=sent)


def _trust_only(certificate_pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    # A leaf certificate is its own trust anchor, whoever signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate_pem)
    return context


async def _read(response: aiohttp.ClientResponse) -> Answer:
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(2**18):
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise aiohttp.ClientPayloadError("too long")
        chunks.append(chunk)
    return Answer(code=response.status, body=_parse(b"".join(chunks)))


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


async def probe(address: str, port: int, *, timeout: float) -> Evidence:
    """How far a bare TCP connection comes: `PORT_OPEN` where it is accepted, and nothing is sent on it."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            transport, _ = await loop.create_connection(asyncio.Protocol, address, port)
    except OSError as error:
        return _evidence_of_number(error.errno)
    transport.abort()
    return Evidence.PORT_OPEN


def _evidence_of_number(number: int | None) -> Evidence:
    if number == errno.ECONNREFUSED:
        return Evidence.PORT_CLOSED
    return Evidence.NO_ROUTE if number in NO_ROUTE else Evidence.SILENT


def _evidence_of(error: Exception) -> tuple[Evidence, bool]:
    """What a failed request showed, and whether the agent may have received it."""
    match error:
        case (
            aiohttp.ClientConnectorSSLError() | aiohttp.ClientConnectorError(os_error=ConnectionResetError())
        ):
            return Evidence.PORT_OPEN, False
        case aiohttp.ClientConnectorError(os_error=OSError(errno=number)):
            return _evidence_of_number(number), False
        case aiohttp.ConnectionTimeoutError():
            return Evidence.SILENT, False
        case TimeoutError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return Evidence.TLS_UP, True
        case _:
            return Evidence.PORT_OPEN, True
