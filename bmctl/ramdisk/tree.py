"""The ramdisk's file tree: package files unpacked and our own files laid over them.

No maintainer script runs and nothing needs root: what scripts would do is done here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bmctl.errors import BmctlError
from bmctl.ramdisk.children import missing_program
from bmctl.ramdisk.recipe import BUSYBOX_APPLETS, LEFT_OUT_FILES, UDEV_RULES

MERGED: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Directories that are links into /usr."""
MOUNT_POINTS: Final = (
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "mnt/config",
    "root",
    "var/log",
    "var/tmp",
    "var/lib",
)


def unpack(archives: Iterable[Path], tree: Path) -> None:
    """Lay the files of packages into the tree, without those that the recipe leaves out."""
    for archive in archives:
        try:
            child = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE)
        except FileNotFoundError as cause:
            raise missing_program("dpkg-deb", "unpacking packages") from cause
        with child:
            try:
                _unpack_stream(child, tree)
            except BaseException:
                child.kill()
                raise
        if child.returncode:
            raise BmctlError(
                f"unpacking {archive.name} failed: dpkg-deb ended with status {child.returncode}"
            )
    for name in MERGED:
        if (tree / "usr" / name).is_dir():
            (tree / name).symlink_to(f"usr/{name}")


def _unpack_stream(child: subprocess.Popen[bytes], tree: Path) -> None:
    with tarfile.open(fileobj=child.stdout, mode="r|", tarinfo=tarfile.TarInfo) as members:
        for member in members:
            if (name := merged(member.name)) and not LEFT_OUT_FILES.fullmatch(name):
                _place(members, member, tree / name)
    if child.stdout:
        while child.stdout.read(1 << 20):
            pass


def merged(name: str) -> str:
    """The member's path without leading dot and slash, with the directories that are links resolved."""
    path = name.removeprefix(".").strip("/")
    first = path.split("/", 1)[0]
    return f"usr/{path}" if first in MERGED else path


def _place(members: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.isdir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        os.link(path.parents[len(Path(merged(member.name)).parents) - 1] / merged(member.linkname), path)
    elif (source := members.extractfile(member)) is not None:
        with source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
        path.chmod(0o755 if member.mode & 0o100 else 0o644)


def finish(tree: Path, overlay: Path) -> None:
    """Add what no package brings: links, mount points, our own files; drop udev rules that only cost time."""
    for name in MOUNT_POINTS:
        (tree / name).mkdir(parents=True, exist_ok=True)
    for rule in (tree / "usr/lib/udev/rules.d").iterdir():
        if rule.name not in UDEV_RULES:
            rule.unlink()
    lay_over(overlay, tree)
    _link_udevd(tree)
    _link_applets(tree)


def lay_over(overlay: Path, tree: Path) -> None:
    """Copy our own files into the tree; programs are those that start with a hash-bang."""
    for source in sorted(path for path in overlay.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        target = tree / source.relative_to(overlay)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        content = source.read_bytes()
        target.write_bytes(content)
        target.chmod(0o755 if content.startswith(b"#!") else 0o644)


def _link_udevd(tree: Path) -> None:
    """Some versions ship the daemon as a link made by nobody's package file."""
    daemon = tree / "usr/lib/systemd/systemd-udevd"
    if not os.path.lexists(daemon):
        daemon.parent.mkdir(parents=True, exist_ok=True)
        daemon.symlink_to("../../bin/udevadm")


def _link_applets(tree: Path) -> None:
    for name in BUSYBOX_APPLETS.split():
        if not any(os.path.lexists(tree / place / name) for place in ("usr/bin", "usr/sbin")):
            (tree / "usr/bin" / name).symlink_to("busybox")
