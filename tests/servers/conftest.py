"""A server on loopback with a file in pieces, and what it told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the clients beside this file

from bmctl.media.extents import ExtentFile, FileRange, Inline
from bmctl.servers.http import FileServer, Publication
from bmctl.servers.transfer import Fetch, Outcome


class Told(list[Fetch]):
    """What a server told, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def add(self, fetch: Fetch) -> None:
        self.append(fetch)
        self._news.set()

    async def until(self, enough: Callable[[list[Fetch]], bool]) -> list[Fetch]:
        """The fetches that are over, once it is enough."""
        async with asyncio.timeout(10):
            while not enough(self):
                self._news.clear()
                await self._news.wait()
        return [each for each in self if each.outcome is not Outcome.RUNNING]


@pytest.fixture
def told() -> Told:
    return Told()


@dataclass
class Served:
    server: FileServer
    publication: Publication
    content: bytes
    told: Told

    @property
    def url(self) -> str:
        return self.server.url(self.publication, "127.0.0.1")

    async def ended(self, count: int = 1) -> list[Fetch]:
        """The fetches that are over, once there are so many."""
        return await self.told.until(
            lambda told: sum(each.outcome is not Outcome.RUNNING for each in told) >= count
        )


@pytest.fixture
def pieces(tmp_path: Path) -> ExtentFile:
    """Bytes and ranges of two files, with sizes that are no round numbers."""
    (tmp_path / "kernel").write_bytes(bytes(range(256)) * 1000)
    (tmp_path / "initramfs").write_bytes(bytes(reversed(range(256))) * 8000)
    return ExtentFile(
        (
            Inline(data=b"H" * 3001, label="configuration"),
            FileRange(path=tmp_path / "kernel", offset=77, length=200_001, label="kernel"),
            Inline(data=b"P" * 47),
            Inline(data=b"Z" * 2048, shared=True),
            FileRange(path=tmp_path / "initramfs", offset=0, length=2_000_003, label="initramfs"),
            Inline(data=b"T" * 11, label="configuration"),
        )
    )


@pytest.fixture
async def served(pieces, told):
    async with FileServer(host="127.0.0.1", tell=told.add) as server:
        publication = server.publish(pieces, "n1.iso")
        yield Served(server, publication, pieces.read(0, pieces.size), told)
