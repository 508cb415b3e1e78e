"""Read what was written back from the disk itself, and compare it with the image."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmctl.engine.step import Step
from bmctl.errors import BmctlError
from bmctl.images.chunks import Chunk, Extent, halves, runs
from bmctl.images.on_disk import Layout, find_differences, read_layout
from bmctl.images.tables import TableDiffersError
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.listing import run_listed_step
from bmctl.steps.offered import is_offered

PRIORITY = 80
# As long as the write may take: a slow disk reads no faster.
BUDGET = 6 * 3600.0
DIGEST_SIZE = 32
# What a wrong byte is narrowed down to before the bytes themselves are looked at.
SMALLEST = 4096
HINT = (
    "the disk or its controller does not keep what is written to it: see its health with smartctl,"
    " and deploy again, to another disk if it stays so"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """Whether a config drive was written beside the image."""

    config_drive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the agent read from `device`, of `size` bytes; `content` in the order it was asked for."""

    device: str
    size: int
    direct: bool
    seconds: float
    digests: tuple[str, ...]
    content: bytes


async def read_back(ports: Ports, args: ReadBack) -> None:
    """Prove that the image is on the disk, byte for byte; raise `BmctlError` with the first that is not.

    An agent that cannot read back is passed over with a note.
    """
    if not is_offered(ports, "read_back"):
        ports.note("read-back: not available with this ramdisk")
        _conclude(ports, {"outcome": "not available"})
        return
    path = Path(ports.record.get("image")["path"])
    layout = read_layout(
        path, name=f"image {ports.record.get('image')['name']}", config_drive=args.config_drive
    )
    meaning = layout.table.meaning if layout.table else ()
    ports.progress("reading the disk back")
    chunks, seen = await _both(ports, path, layout, meaning)
    _require_same_disk(ports, seen.device)
    wrong = await _compare(ports, args, layout, chunks, seen, path)
    if wrong:
        await _require_same_image(ports, path)
        raise await _difference(ports, layout, path, wrong, seen.device)
    _remember(ports, layout, seen)


async def _both(
    ports: Ports, path: Path, layout: Layout, meaning: Sequence[Extent]
) -> tuple[tuple[Chunk, ...], _Seen]:
    """The image's digests and the disk's, made at the same time."""
    expected = asyncio.ensure_future(
        ports.images.chunks(path, ports.record.get("image")["digest"], layout.extents)
    )
    try:
        seen = await _ask(ports, layout.extents, read=meaning)
        return await expected, seen
    finally:
        expected.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await expected


async def _ask(ports: Ports, extents: Sequence[Extent], *, read: Sequence[Extent] = ()) -> _Seen:
    """What the agent reads from the disk the image went to."""
    arguments = {
        "ranges": [list(run) for run in runs(extents)],
        "read": [[extent.offset, extent.size] for extent in read],
    }
    outcome = await run_listed_step(
        ports,
        StepKind.DEPLOY,
        interface="deploy",
        name="read_back",
        priority=PRIORITY,
        arguments=arguments,
        timeout=BUDGET,
        part=f"{_concluded(ports)} {hashlib.sha256(json.dumps(arguments).encode()).hexdigest()[:12]}",
    )
    seen = _read_answer(outcome.get("deploy_result"))
    if len(seen.digests) != len(extents) or len(seen.content) != sum(extent.size for extent in read):
        raise _strange()
    return seen


def _concluded(ports: Ports) -> int:
    """How many comparisons of this run came to an end; what an agent read for those does not count again."""
    return int((ports.record.get("read back") or {}).get("number", 0))


def _conclude(ports: Ports, outcome: dict[str, Any]) -> None:
    ports.record.put("read back", {**outcome, "number": _concluded(ports) + 1})


def _read_answer(result: Any) -> _Seen:
    try:
        digests = base64.b64decode(result["digests"], validate=True)
        return _Seen(
            device=str(result["device"]),
            size=int(result["size"]),
            direct=bool(result["direct"]),
            seconds=float(result["seconds"]),
            digests=tuple(digests[at : at + DIGEST_SIZE].hex() for at in range(0, len(digests), DIGEST_SIZE)),
            content=zlib.decompress(base64.b64decode(result["content"], validate=True)),
        )
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise _strange() from error


def _strange() -> BmctlError:
    return BmctlError(
        "the agent told what it read back in a form that is not known",
        hint="build the ramdisk anew with this bmctl: bmctl ramdisk build",
    )


def _require_same_disk(ports: Ports, device: str) -> None:
    disk = ports.record.get("disk")
    if disk is not None and disk["name"] != device:
        raise BmctlError(
            f"the agent read {device} back, and the image was to go to {disk['text']}",
            hint="name the disk by its serial number in root_device",
        )


async def _compare(
    ports: Ports, args: ReadBack, layout: Layout, chunks: Sequence[Chunk], seen: _Seen, path: Path
) -> tuple[Extent, ...]:
    content, table = seen.content, []
    for extent in layout.table.meaning if layout.table else ():
        table.append(content[: extent.size])
        content = content[extent.size :]
    try:
        return find_differences(layout, chunks, seen.digests, table, config_drive=args.config_drive)
    except TableDiffersError as error:
        await _require_same_image(ports, path)
        _conclude(ports, {"outcome": "differs", "device": seen.device})
        raise TableDiffersError(f"read back from {seen.device}: {error.message}", hint=HINT) from error


async def _require_same_image(ports: Ports, path: Path) -> None:
    """A file that was changed after it was written is not the disk's fault."""
    if await ports.images.digest(path) != ports.record.get("image")["digest"]:
        raise BmctlError(
            "the image on this host was changed after it was written",
            hint=f"deploy again: bmctl deploy {ports.node.name}",
        )


async def _difference(
    ports: Ports, layout: Layout, path: Path, wrong: Sequence[Extent], device: str
) -> BmctlError:
    """The error that names the first byte which differs."""
    total = sum(extent.size for extent in wrong)
    offset = await _narrow(ports, path, wrong[0])
    extents = [[each.offset, each.size] for each in wrong]
    _conclude(ports, {"outcome": "differs", "device": device, "first": offset, "extents": extents})
    if offset is None:
        return BmctlError(
            f"{device} gives other bytes each time it is read, near byte {wrong[0].offset}"
            f" ({layout.place(wrong[0].offset)})",
            hint=HINT,
        )
    return BmctlError(
        f"what is on {device} is not the image: it differs at byte {offset} ({layout.place(offset)}),"
        f" and in {len(wrong)} of {len(layout.extents)} parts, {total / 2**20:.1f} MiB in all",
        hint=HINT,
    )


async def _narrow(ports: Ports, path: Path, extent: Extent) -> int | None:
    """The first byte in an extent that differs, None where all are the same this time."""
    while extent.size > SMALLEST:
        pieces = halves(extent, smallest=SMALLEST)
        seen = await _ask(ports, pieces)
        wanted = await ports.images.chunks(path, "", pieces)
        differing = (
            chunk.extent for chunk, digest in zip(wanted, seen.digests, strict=True) if chunk.digest != digest
        )
        if (first := next(differing, None)) is None:
            return None
        extent = first
    seen = await _ask(ports, (), read=(extent,))
    with path.open("rb") as file:
        file.seek(extent.offset)
        image = file.read(extent.size)
    same = (index for index, pair in enumerate(zip(image, seen.content, strict=True)) if pair[0] != pair[1])
    index = next(same, None)
    return None if index is None else extent.offset + index


def _remember(ports: Ports, layout: Layout, seen: _Seen) -> None:
    told = {"outcome": "same", "device": seen.device, "bytes": layout.compared}
    _conclude(ports, {**told, "seconds": seen.seconds, "direct": seen.direct})
    amount = f"{layout.compared / 2**20:.0f} MiB"
    ports.evidence.see("disk", f"read back {amount}, as in the image")
    ports.note(
        f"read back {amount} from {seen.device} in {seen.seconds:.1f} s: as in the image"
        + ("" if seen.direct else " (past the kernel's memory was not possible)")
    )


STEP = Step(
    interface="deploy",
    name="read_back",
    title="read the image back",
    args=ReadBack,
    run=read_back,
    budget=BUDGET + 120,
    typical=5,
    needs_ramdisk=True,
    touches=False,
)
