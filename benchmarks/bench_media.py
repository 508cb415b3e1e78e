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
from ipaddress import ip_interface
from pathlib import Path

from benchmarks.measure import Row, Usage, missing, run_child, run_here, side_by_side, under
from bmctl.errors import BmctlError
from bmctl.media.agent_files import agent_files
from bmctl.media.credentials import make_credentials
from bmctl.media.extents import ExtentFile, write_file
from bmctl.media.iso import BootMedium, boot_iso
from bmctl.media.kernel_line import kernel_line
from bmctl.media.loaders import find_loaders
from bmctl.model.firmware import Architecture
from bmctl.model.network import Attachment, Ethernet, NetworkConfig

MEBIBYTE = 1 << 20
KERNEL_SIZE = 10 * MEBIBYTE
SIZES = (80, 350)
NODES = 1000
ROUNDS = 5
# A fixed moment: the medium's dates.
TIMESTAMP = 1_700_000_000
PUBLISHER = "2f6a1c84-0000-4000-8000-000000000001"
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
    ours = functools.partial(run_child, [sys.executable, "-m", "benchmarks.bench_media", files, out])
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
    gc.collect()
    before = _resident()
    usage = run_here(lambda: kept.extend(make_iso(files, number) for number in range(1, NODES + 1)))
    grown = _resident() - before
    private = sum(iso.private_bytes for iso in kept)
    what = f"each of {NODES} nodes' media"
    return [
        under(f"{what}, CPU", usage.cpu * 1000 / NODES, "ms", 5.0),
        under(f"{what}, bytes of its own", private / NODES / 1024, "KiB", 64.0),
        under(f"{what}, memory grown by", grown / NODES / 1024, "KiB", 64.0),
    ]


def make_iso(files: Path, number: int) -> ExtentFile:
    """The medium of one node as a deploy makes it, with certificate and network of its own."""
    interface = ip_interface(f"10.0.{number // 250}.{number % 250 + 1}/16")
    mac = f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"
    network = NetworkConfig(
        links=(Ethernet(name="eth0", mac=mac),),
        attachments=(Attachment(link="eth0", addresses=(interface,)),),
    )
    credentials = make_credentials([network.address], name=f"n{number}")
    return boot_iso(
        BootMedium(
            kernel=files / "kernel",
            initramfs=files / "initramfs",
            loader=find_loaders(Architecture.X86_64),
            kernel_line=kernel_line(publisher=PUBLISHER),
            publisher=PUBLISHER,
            timestamp=TIMESTAMP,
            files=agent_files(
                network=network, credentials=credentials, node_uuid=PUBLISHER, hostname=f"n{number}"
            ),
        )
    )


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


if __name__ == "__main__":
    write_file(make_iso(Path(sys.argv[1]), 1), Path(sys.argv[2]))
