"""qcow2 to raw, by qemu-img."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from bmctl.errors import BmctlError, InvalidError
from bmctl.images.progress import ImageProgress, ImageStage, Tell
from bmctl.images.room import Room

_PERCENT = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")


async def convert(source: Path, target: Path, *, size: int, name: str, room: Room, tell: Tell) -> None:
    """Write the disk in the qcow2 file `source` as a sparse raw file; `size` is the disk's, in bytes.

    Raises `BmctlError` where qemu-img is missing or fails, or no room is left; the program is ended first.
    """
    # As options, so that no file name is taken for a protocol or an option.
    file_name = str(source).replace(",", ",,")
    command = ("convert", "-p", "-W", "--image-opts", "-O", "raw")
    options = f"driver=qcow2,file.driver=file,file.filename={file_name}"
    try:
        child = await asyncio.create_subprocess_exec(
            "qemu-img",
            *command,
            options,
            str(target),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise BmctlError(
            "qemu-img is needed to convert a qcow2 image, and is not installed",
            hint="apt install qemu-utils (Debian, Ubuntu) or dnf install qemu-img (Fedora)",
        ) from error
    try:
        complaint = await _watch(child, size, room, tell)
        code = await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if code != 0:
        raise InvalidError(f"{name} cannot be converted: {complaint or f'qemu-img ended with {code}'}")


async def _watch(child: asyncio.subprocess.Process, size: int, room: Room, tell: Tell) -> str:
    """Tell the progress until the program closes its output; returns the last line of its errors."""
    if child.stdout is None or child.stderr is None:
        raise RuntimeError("the child was started without pipes")
    errors = asyncio.ensure_future(child.stderr.read())
    try:
        while piece := await child.stdout.read(256):
            if found := _PERCENT.findall(piece):
                done = int(size * float(found[-1]) / 100)
                room.look()
                tell(ImageProgress(stage=ImageStage.CONVERT, done=done, total=size))
        lines = (await errors).decode("utf-8", "replace").strip().splitlines()
    finally:
        errors.cancel()
    return lines[-1].removeprefix("qemu-img: ") if lines else ""
