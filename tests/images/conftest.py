"""Small disk images made by the tools people use, and a web server that publishes them."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from bmctl.model.image import ImageSource

MIB = 2**20


def needs(*programs: str) -> None:
    missing = [
        program for program in programs if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None
    ]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def run(*command: object, **options) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True, **options)


def partition(path: Path, script: str, size: int = 24 * MIB) -> Path:
    needs("sfdisk")
    with path.open("wb") as file:
        file.truncate(size)
    run("sfdisk", "-q", path, input=script.encode())
    return path


def program(machine: int) -> bytes:
    """The start of a PE program for a machine type, as every UEFI loader has it."""
    stub = b"MZ" + bytes(58) + (128).to_bytes(4, "little")
    return stub.ljust(128, b"\0") + b"PE\0\0" + machine.to_bytes(2, "little") + bytes(range(256)) * 8


def add_esp(
    path: Path, loader: str, *, size: int, fat: int, offset: int = MIB, content: bytes | None = None
) -> None:
    """Put a FAT file system with EFI/BOOT/`loader` into the image at `offset`."""
    needs("mkfs.vfat", "mmd", "mcopy")
    esp = path.with_suffix(".esp")
    with esp.open("wb") as file:
        file.truncate(size)
    run("mkfs.vfat", "-F", fat, *(("-s", 1) if fat == 32 else ()), esp)
    # Many entries, so that EFI/BOOT does not fit one cluster.
    run("mmd", "-i", esp, "::EFI", "::EFI/OTHER", "::EFI/BOOT")
    filler, efi = path.with_suffix(".filler"), path.with_suffix(".efi")
    filler.write_bytes(bytes(600))
    efi.write_bytes(program(0xAA64 if "aa64" in loader.lower() else 0x8664) if content is None else content)
    for file, name in [*((filler, f"a long file name {index}.bin") for index in range(40)), (efi, loader)]:
        run("mcopy", "-i", esp, file, f"::EFI/BOOT/{name}")
    data = esp.read_bytes()
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


GPT = "label: gpt\nsize=16MiB, type=uefi\ntype=linux\n"


@pytest.fixture(scope="session")
def disk(tmp_path_factory) -> Path:
    """A raw GPT image with an x86-64 loader in its ESP and data in its second partition."""
    path = partition(tmp_path_factory.mktemp("disk") / "disk.raw", GPT)
    add_esp(path, "BOOTX64.EFI", size=16 * MIB, fat=16)
    with path.open("r+b") as file:
        file.seek(18 * MIB)
        file.write(hashlib.shake_256(b"data").digest(MIB))
    return path


@pytest.fixture(scope="session")
def qcow2(disk) -> Path:
    needs("qemu-img")
    path = disk.with_name("disk.qcow2")
    run("qemu-img", "convert", "-O", "qcow2", disk, path)
    return path


@pytest.fixture(scope="session")
def packed(disk, qcow2) -> dict[str, Path]:
    """The disk image in each compression, by the usual ending."""
    needs("gzip", "xz", "zstd")
    for command in (["gzip", "-k1"], ["xz", "-k0"], ["zstd", "-q"]):
        run(*command, disk)
    run("gzip", "-k1", qcow2)
    made = {ending: disk.with_name(f"disk.raw.{ending}") for ending in ("gz", "xz", "zst")}
    return made | {"qcow2.gz": disk.with_name("disk.qcow2.gz")}


def digest(path: Path, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


def source(where: object, **changes) -> ImageSource:
    return ImageSource(name="debian", source=str(where), **changes)


@dataclass
class Publisher:
    """Files by path; `requests` are the paths that were asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    base: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        if request.path in self.redirects:
            raise web.HTTPFound(self.redirects[request.path])
        if request.path not in self.files:
            raise web.HTTPNotFound
        body = self.files[request.path]
        content_type = self.types.get(request.path, "application/octet-stream")
        if request.path not in self.cut:
            return web.Response(body=body, content_type=content_type)
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        request.transport.close()
        return response


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    made = Publisher()
    application = web.Application()
    application.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@dataclass(frozen=True)
class Tools:
    """The functions above, for tests that make images of their own."""

    run = staticmethod(run)
    needs = staticmethod(needs)
    partition = staticmethod(partition)
    add_esp = staticmethod(add_esp)
    program = staticmethod(program)
    digest = staticmethod(digest)
    source = staticmethod(source)


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
