"""Whether an SSH server answers at an address: it speaks first, so nothing has to be said to it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

SSH_PORT = 22
CONNECT_TIMEOUT = 3.0
# RFC 4253, 4.2: the version string is one line of at most 255 characters; a server may send lines before it.
_LONGEST_GREETING = 4096


@dataclass(frozen=True, slots=True)
class Greeting:
    """What was seen at the port, and whether it was an SSH server's greeting."""

    is_ssh: bool
    seen: str


async def greeting_of(address: str, port: int = SSH_PORT, *, timeout: float = CONNECT_TIMEOUT) -> Greeting:
    """One look; never raises for what a network does."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(address, port, limit=_LONGEST_GREETING)
            try:
                return await _read(reader)
            finally:
                writer.close()
    except TimeoutError:
        return Greeting(is_ssh=False, seen="silent")
    except OSError as error:
        # asyncio puts words of its own in place of the system's.
        return Greeting(is_ssh=False, seen=os.strerror(error.errno or 0).lower())


async def _read(reader: asyncio.StreamReader) -> Greeting:
    try:
        while line := await reader.readline():
            if line.startswith(b"SSH-"):
                return Greeting(is_ssh=True, seen=line.decode("ascii", "replace").strip())
    except ValueError:  # a line longer than the limit
        pass
    return Greeting(is_ssh=False, seen="something that is not SSH")
