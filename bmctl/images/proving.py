"""Verifies a signature over a large file, in a process of its own.

The libraries hold Python's lock while they read the whole file, and cannot be stopped: in a process they
delay nobody, and a cancelled run ends them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import mmap
import sys
from pathlib import Path
from typing import Any

from bmctl.errors import BmctlError
from bmctl.images import minisign, openpgp

_FITS, _DOES_NOT = 0, 3


async def fits_file(request: dict[str, str], path: Path) -> bool:
    """Whether the signature in `request`, made by one of the functions below, is of this file."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        __name__,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await child.communicate(json.dumps(request).encode())
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode not in {_FITS, _DOES_NOT}:
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        raise BmctlError(
            f"the signature of {path.name} could not be verified: {lines[-1] if lines else 'killed'}"
        )
    return child.returncode == _FITS


def openpgp_request(promise: openpgp.Promise) -> dict[str, str]:
    """What the process needs for an OpenPGP signature."""
    return {"signature": _text(promise.signature), "certificate": _text(promise.certificate.content)}


def direct_request(signature: minisign.Ed25519Signature, key: minisign.PublicKey) -> dict[str, str]:
    """What the process needs for an Ed25519 signature of the file itself, whose comment is proven already."""
    return {"signature": _text(signature.value), "point": _text(key.point)}


def _answer(request: dict[str, Any], path: str) -> bool:
    signature = base64.b64decode(request["signature"])
    if "point" not in request:
        certificate = openpgp.Certificate(name="", content=base64.b64decode(request["certificate"]))
        promise = openpgp.Promise(signature=signature, certificate=certificate, signer="")
        return openpgp.fits(promise, path=path)
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as message,
    ):
        return minisign.is_signed(base64.b64decode(request["point"]), signature, message)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


if __name__ == "__main__":
    sys.exit(_FITS if _answer(json.load(sys.stdin), sys.argv[1]) else _DOES_NOT)
