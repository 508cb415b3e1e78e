"""Fetches images and checksum files over http(s)."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from bmctl.errors import BmctlError, InvalidError, RefusedError, UnreachableError
from bmctl.images.progress import ImageProgress, ImageStage, Tell
from bmctl.images.room import Bounds, Room

if TYPE_CHECKING:
    import aiohttp

CHUNK = 2**20
LARGEST_CHECKSUM_FILE = 4 * 2**20
# Between two pieces of data, not for the whole: a large image may take its time.
SILENCE = 60.0
# Enough of a file to tell what it is.
PEEK = 2**17


def is_url(source: str) -> bool:
    """Whether this is an http(s) URL rather than a path."""
    return source.lower().startswith(("http://", "https://"))


def file_path(source: str) -> str:
    """A path, or the path part of a URL as people write it."""
    return unquote(urlsplit(source).path) if is_url(source) else source


def file_name(source: str) -> str:
    """The last part of a path or URL."""
    return file_path(source).rpartition("/")[2]


def shown(url: str) -> str:
    """A URL fit for messages: without password and query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


async def fetch_small(url: str, *, verify_tls: bool | str) -> bytes:
    """A small file, such as a checksum file; raises `InvalidError` where the server has none."""
    content = await fetch_if_there(url, verify_tls=verify_tls)
    if content is None:
        raise InvalidError(f"{shown(url)}: the server answered 404 Not Found")
    return content


async def fetch_if_there(url: str, *, verify_tls: bool | str) -> bytes | None:
    """A small file; None where the server says that there is none."""
    async with _get(url, verify_tls) as response:
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        _require_ok(url, response)
        return await _read_small(url, response)


async def _read_small(url: str, response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > LARGEST_CHECKSUM_FILE:
            raise InvalidError(f"{shown(url)} is larger than a checksum file or signature should be")
    return bytes(content)


async def fetch_file(
    url: str, target: Path, *, algorithms: set[str], verify_tls: bool | str, limit: int, tell: Tell
) -> dict[str, str]:
    """Write what the URL gives, at most `limit` bytes, to a new file; returns its hex digests by algorithm.

    Raises as `fetch_image` does.
    """
    room = Room(target.parent, name=shown(url), packed=limit, bounds=Bounds(largest=limit))
    return await fetch_image(
        url, target, algorithms=algorithms, verify_tls=verify_tls, room=room, peek=_let_pass, tell=tell
    )


def _let_pass(_final: str) -> None:
    return


async def fetch_image(
    url: str,
    target: Path,
    *,
    algorithms: set[str],
    verify_tls: bool | str,
    room: Room,
    peek: Callable[[str], None],
    tell: Tell,
) -> dict[str, str]:
    """Write what the URL gives to a new file, as far as there is room; returns its hex digests by algorithm.

    `peek` is called with the URL that answered in the end once the file has its first bytes: what it raises
    ends the download. Raises `InvalidError` where the server has no image there, `UnreachableError` where it
    cannot be reached or breaks off, and what `room` raises where there is none.
    """
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    async with _get(url, verify_tls) as response:
        _require_ok(url, response)
        _refuse_page(url, response)
        done, total, peeked = 0, response.content_length, False
        room.want(total or 0, total or 0)
        with target.open("xb") as file:
            async for chunk in response.content.iter_chunked(CHUNK):
                done += len(chunk)
                room.took(done, done)
                file.write(chunk)
                for digest in hashes.values():
                    digest.update(chunk)
                if not peeked and done >= PEEK:
                    peeked = True
                    file.flush()
                    peek(str(response.url))
                tell(ImageProgress(stage=ImageStage.FETCH, done=done, total=total))
        if not peeked:
            peek(str(response.url))
        return {name: digest.hexdigest() for name, digest in hashes.items()}


def detour(url: str, final: str) -> str:
    """Where a URL led to, for messages; empty where it led to itself."""
    elsewhere = urlsplit(final)._replace(query="", fragment="") != urlsplit(url)._replace(
        query="", fragment=""
    )
    return f" (the server redirected to {shown(final)})" if elsewhere else ""


def _require_ok(url: str, response: aiohttp.ClientResponse) -> None:
    if response.status != HTTPStatus.OK:
        raise InvalidError(
            f"{shown(url)}: the server answered {response.status} {response.reason or ''}".rstrip()
        )


def _refuse_page(url: str, response: aiohttp.ClientResponse) -> None:
    if response.content_type in {"text/html", "application/xhtml+xml"}:
        raise InvalidError(
            f"{shown(url)} is a web page, not an image{detour(url, str(response.url))}",
            hint="the server answered with a page: a login, a listing or an error; check the URL",
        )


@asynccontextmanager
async def _get(url: str, verify_tls: bool | str) -> AsyncIterator[aiohttp.ClientResponse]:
    import aiohttp

    limits = aiohttp.ClientTimeout(total=None, sock_connect=15.0, sock_read=SILENCE)
    # The bytes as published: a server that packs on the fly would change what the checksum is of.
    headers = {"Accept-Encoding": "identity", "User-Agent": "bmctl"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limits, headers=headers, auto_decompress=False) as session,
            session.get(url, ssl=_context(verify_tls)) as response,
        ):
            yield response
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _explain(url, error) from None  # aiohttp's texts may hold the password in a URL


def _context(verify_tls: bool | str) -> ssl.SSLContext | bool:
    if isinstance(verify_tls, bool):
        return verify_tls
    try:
        return ssl.create_default_context(cafile=verify_tls)
    except (OSError, ssl.SSLError) as error:
        raise InvalidError(f"the CA file {verify_tls} cannot be read") from error


def _explain(url: str, error: Exception) -> BmctlError:
    import aiohttp

    match error:
        case aiohttp.InvalidURL():
            return InvalidError(f"{shown(url)} is not a URL that can be fetched")
        case aiohttp.ClientConnectorCertificateError():
            return RefusedError(
                f"{shown(url)}: the server's certificate is not trusted",
                hint="name its CA with verify: FILE for the image",
            )
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            return UnreachableError(f"{shown(url)}: the server broke off in the middle", hint="try again")
        case aiohttp.TooManyRedirects():
            return InvalidError(f"{shown(url)}: the server redirects in circles")
        case _:
            return UnreachableError(f"{shown(url)} cannot be reached: {_cause(error)}", hint="try again")


def _cause(error: Exception) -> str:
    import aiohttp

    if isinstance(error, TimeoutError):
        return "the server said nothing for too long"
    reason = error.os_error.strerror if isinstance(error, aiohttp.ClientConnectorError) else None
    return reason or "the connection failed"
