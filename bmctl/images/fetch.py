"""Fetches images and checksum files over http(s)."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from bmctl.errors import BmctlError, InvalidError, RefusedError, UnreachableError
from bmctl.images.progress import ImageProgress, ImageStage, Tell

if TYPE_CHECKING:
    import aiohttp

CHUNK = 2**20
LARGEST_CHECKSUM_FILE = 4 * 2**20
# Between two pieces of data, not for the whole: a large image may take its time.
SILENCE = 60.0


def is_url(source: str) -> bool:
    """Whether this is an http(s) URL rather than a path."""
    return source.lower().startswith(("http://", "https://"))


def file_name(source: str) -> str:
    """The last part of a path or URL."""
    return unquote(urlsplit(source).path).rpartition("/")[2] if is_url(source) else Path(source).name


def shown(url: str) -> str:
    """A URL fit for messages: without password and query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


async def fetch_text(url: str, *, verify_tls: bool | str) -> str:
    """A small text file; raises `InvalidError` where the server has none."""
    async with _get(url, verify_tls) as response:
        content = await response.content.read(LARGEST_CHECKSUM_FILE)
    return content.decode("utf-8", "replace")


async def fetch_file(
    url: str, target: Path, *, algorithms: set[str], verify_tls: bool | str, limit: int, tell: Tell
) -> dict[str, str]:
    """Write what the URL gives to a new file; returns its hex digests by algorithm.

    Raises `InvalidError` where the server has no image there, `UnreachableError` where it cannot be
    reached or breaks off.
    """
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    async with _get(url, verify_tls) as response:
        _refuse_page(url, response)
        done, total = 0, response.content_length
        if total is not None and total > limit:
            raise InvalidError(f"{shown(url)} is larger than {limit / 2**30:.0f} GiB")
        with target.open("xb") as file:
            async for chunk in response.content.iter_chunked(CHUNK):
                done += len(chunk)
                if done > limit:
                    raise InvalidError(f"{shown(url)} is larger than {limit / 2**30:.0f} GiB")
                file.write(chunk)
                for digest in hashes.values():
                    digest.update(chunk)
                tell(ImageProgress(stage=ImageStage.FETCH, done=done, total=total))
    return {name: digest.hexdigest() for name, digest in hashes.items()}


def _refuse_page(url: str, response: aiohttp.ClientResponse) -> None:
    if response.content_type in {"text/html", "application/xhtml+xml"}:
        raise InvalidError(
            f"{shown(url)} is a web page, not an image",
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
            if response.status != 200:
                raise InvalidError(
                    f"{shown(url)}: the server answered {response.status} {response.reason or ''}".rstrip()
                )
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
