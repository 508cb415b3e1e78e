"""What a boot medium costs: one written out whole, and each of a thousand that are only served.

Kernel and ramdisk are files of random bytes in the sizes of real ones.
"""

from __future__ import annotations

import functools
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Row, Usage, missing, run_child, run_here, side_by_side, under
from benchmarks.medium import make_iso
from bmctl.errors import BmctlError
from bmctl.media.extents import ExtentFile
from bmctl.media.loaders import find_loaders
from bmctl.model.firmware import Architecture

MEBIBYTE = 1 << 20
KERNEL_SIZE = 10 * MEBIBYTE
SIZES = (80, 350)
NODES = 1000
ROUNDS = 5
XORRISO = ("xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", "config-2")


def run() -> list[Row]:
    """Written out in processes of their own, made by the thousand in this one."""
    try:
        find_loaders(Architecture.X86_64)
    except BmctlError as error:
        return [Row(what="boot media", skipped=error.message)]
    with tempfile.TemporaryDirectory(prefix="bmctl-bench-") as place:
        rows = [row for size in SIZES for row in _written_out(Path(place), size)]
        return [*rows, *_by_the_thousand(_files(Path(place), SIZES[-1]))]


def _written_out(place: Path, size: int) -> list[Row]:
    """One medium as a file: bmctl's whole process beside those of the peers."""
    files = _files(place, size)
    out = place / "out.iso"
    ours = functools.partial(run_child, [sys.executable, "-m", "benchmarks.medium", files, out])
    copy = functools.partial(run_child, ["cp", "-r", "--reflink=never", files, place / "copy"])
    master = functools.partial(run_child, [*XORRISO, "-o", place / "peer.iso", files])

    def fresh(work: functools.partial[Usage]) -> Usage:
        for name in ("out.iso", "peer.iso"):
            (place / name).unlink(missing_ok=True)
        shutil.rmtree(place / "copy", ignore_errors=True)
        return work()

    lacking = missing("xorriso")
    works = [functools.partial(fresh, work) for work in ((ours, copy) if lacking else (ours, copy, master))]
    written, copied, *mastered = side_by_side(ROUNDS, *works)
    what = f"medium of {size} MB written out, CPU"
    # In a small one, Python's start outweighs the copying: it only informs.
    aims = (2.5, 1.0) if size == SIZES[-1] else (None, None)
    beside_cp = Row(
        what=what,
        ours=written.cpu,
        unit="s",
        peer=copied.cpu,
        peer_name="cp",
        aim=aims[0],
    )
    if lacking:
        return [beside_cp, Row(what=what, skipped=lacking)]
    peer = mastered[0].cpu
    return [
        beside_cp,
        Row(what=what, ours=written.cpu, unit="s", peer=peer, peer_name="xorriso", aim=aims[1]),
    ]


def _by_the_thousand(files: Path) -> list[Row]:
    """Media of different nodes over one kernel and ramdisk, all kept."""
    make_iso(files, 0)
    kept: list[ExtentFile] = []

    def make_all() -> None:
        kept[:] = (make_iso(files, number) for number in range(1, NODES + 1))

    gc.collect()
    before = _resident()
    make_all()
    grown = _resident() - before
    (usage,) = side_by_side(3, functools.partial(run_here, make_all))
    private = sum(iso.private_bytes for iso in kept)
    what = f"each of {NODES} nodes' media"
    return [
        under(f"{what}, CPU", usage.cpu * 1000 / NODES, "ms", 5.0),
        under(f"{what}, bytes of its own", private / NODES / 1024, "KiB", 64.0),
        under(f"{what}, memory grown by", grown / NODES / 1024, "KiB", 64.0),
    ]


def _files(place: Path, size: int) -> Path:
    """A kernel and a ramdisk, `size` MiB together, in a folder of their own."""
    folder = place / f"files-{size}"
    if not folder.exists():
        folder.mkdir()
        (folder / "kernel").write_bytes(os.urandom(KERNEL_SIZE))
        with (folder / "initramfs").open("wb") as file:
            for _ in range(size - KERNEL_SIZE // MEBIBYTE):
                file.write(os.urandom(MEBIBYTE))
    return folder


def _resident() -> int:
    """Bytes of memory this process has in use (proc(5), second field of statm, in pages)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
