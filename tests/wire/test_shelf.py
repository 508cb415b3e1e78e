"""What is fetched from a run's shelf is kept in the run's folder."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

import pytest

from bmctl.media.extents import ExtentFile, FileRange, Inline
from bmctl.servers.http import FileServer
from bmctl.servers.transfer import Fetch
from bmctl.store.fetch_log import FETCHES, FetchLog, FetchNote, read_fetches
from bmctl.wire import Readers, Shelf

KEY = "a-key-that-nobody-can-guess"
SIZE = 2**21


def medium(folder: Path) -> ExtentFile:
    kernel = folder / "vmlinuz"
    kernel.write_bytes(b"k" * SIZE)
    return ExtentFile(
        (
            Inline(data=b"c" * 512, label="loader"),
            FileRange(path=kernel, offset=0, length=SIZE, label="kernel"),
        )
    )


async def served(folder: Path, *ranges: str | None) -> tuple[list[Fetch], tuple[FetchNote, ...]]:
    """What was told and what was kept of fetching these ranges of a medium; None is the whole."""
    watches = {}
    told: list[Fetch] = []

    def fetched(fetch: Fetch) -> None:
        if (watch := watches.get(fetch.name)) is not None:
            watch(fetch)

    async with FileServer(host="127.0.0.1", tell=fetched) as server:
        with FetchLog(folder / FETCHES) as log:
            shelf = Shelf(
                server=server,
                watches=watches,
                key=KEY,
                readers=Readers(controller="127.0.0.1", node="127.0.0.1", advertise="127.0.0.1"),
                log=log,
                clock=lambda: 1000.0,
            )
            url = shelf.offer("n1.iso", medium(folder), to_controller=True, watch=told.append)
            for span in ranges:
                await asyncio.to_thread(read, url, span)
            shelf.withdraw_all()
    return told, read_fetches(folder / FETCHES)


def read(url: str, span: str | None) -> bytes:
    request = urllib.request.Request(url, headers={"Range": f"bytes={span}"} if span else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        content: bytes = answer.read()
    return content


async def test_a_whole_medium_is_kept_by_its_parts(tmp_path):
    told, (kept,) = await served(tmp_path, None)
    assert told
    assert (kept.who, kept.kind, kept.name) == ("controller", "boot medium", "n1.iso")
    assert (kept.client, kept.status, kept.outcome) == ("127.0.0.1", 200, "done")
    assert (kept.sent, dict(kept.parts)) == (SIZE + 512, {"loader": 512, "kernel": SIZE})
    assert kept.ended == pytest.approx(1000.0, abs=0.01)


async def test_small_ranges_make_one_line(tmp_path):
    _, (kept,) = await served(tmp_path, *(f"{start}-{start + 99}" for start in range(0, 2000, 100)))
    assert (kept.requests, kept.sent, kept.status) == (20, 2000, 206)


async def test_the_secret_path_is_not_kept(tmp_path):
    await served(tmp_path, None, "0-99")
    assert KEY not in (tmp_path / FETCHES).read_text()
