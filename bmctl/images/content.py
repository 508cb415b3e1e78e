"""What a file is, told by its content and never by its name; and what is wrong with it."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from bmctl.errors import InvalidError
from bmctl.model.image import Compression, ImageFormat

_COMPRESSIONS = (
    (b"\x1f\x8b\x08", Compression.GZIP),
    (b"\xfd7zXZ\x00", Compression.XZ),
    (b"\x28\xb5\x2f\xfd", Compression.ZSTD),
)
_QCOW2 = b"QFI\xfb"
_OTHERS = (
    (0, b"KDMV", "a VMDK image"),
    (0, b"# Disk DescriptorFile", "a VMDK descriptor"),
    (0, b"conectix", "a VHD image"),
    (0, b"vhdxfile", "a VHDX image"),
    (0, b"<<< ", "a VDI image"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"BZh", "bzip2-compressed"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x7fELF", "a program"),
    (257, b"ustar", "a tar archive"),
)
# docs/interop/qcow2 of QEMU: bits 0 to 4 of the incompatible features; bit 2 is an external data file.
_QCOW2_EXTERNAL_DATA = 1 << 2
_QCOW2_KNOWN = 0b11111
_L2_OFFSET = 0x00FF_FFFF_FFFF_FE00


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file holds; a compressed one counts as raw until it is unpacked."""

    compression: Compression | None
    format: ImageFormat


def look(path: Path, *, name: str) -> Content:
    """What the file is; raises `InvalidError` for nothing, a web page, and formats bmctl does not read."""
    with path.open("rb") as file:
        start = file.read(1024)
    if not start:
        raise InvalidError(f"the image is empty: {name}", hint="the download may have failed")
    for magic, compression in _COMPRESSIONS:
        if start.startswith(magic):
            return Content(compression=compression, format=ImageFormat.RAW)
    if start.startswith(_QCOW2):
        return Content(compression=None, format=ImageFormat.QCOW2)
    _refuse_others(start, name)
    return Content(compression=None, format=ImageFormat.RAW)


def _refuse_others(start: bytes, name: str) -> None:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise InvalidError(
            f"{name} is a web page, not an image", hint="the server answered with a page: check the URL"
        )
    for offset, magic, kind in _OTHERS:
        if start[offset:].startswith(magic):
            raise InvalidError(
                f"{name} is {kind}, which bmctl does not write",
                hint="raw and qcow2, plain or as gz, xz or zst",
            )


def check_qcow2(path: Path, *, name: str) -> int:
    """The size in bytes of the disk in a qcow2 file, which must stand on its own and be complete.

    Raises `InvalidError` where it names a backing or data file, is encrypted, or points beyond its end.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(104)
        if len(header) < 72:
            raise _truncated(name)
        version, backing, _, cluster_bits, disk_size, crypt, l1_size, l1_offset = struct.unpack_from(
            ">4xIQIIQIIQ", header
        )
        _check_qcow2_header(name, version, backing, cluster_bits, crypt)
        incompatible = struct.unpack_from(">Q", header, 72)[0] if version >= 3 and len(header) >= 80 else 0
        if incompatible & _QCOW2_EXTERNAL_DATA:
            raise InvalidError(
                f"{name} keeps its data in another file", hint="convert it with qemu-img convert"
            )
        if incompatible & ~_QCOW2_KNOWN:
            raise InvalidError(f"{name} is a qcow2 of a kind that is not known")
        _check_tables(
            file.fileno(), name, size, cluster_bits, l1_size, l1_offset, bool(incompatible & 1 << 4)
        )
    return int(disk_size)


def _check_qcow2_header(name: str, version: int, backing: int, cluster_bits: int, crypt: int) -> None:
    if version not in {2, 3} or not 9 <= cluster_bits <= 21:
        raise InvalidError(f"{name} is a qcow2 of a kind that is not known")
    if backing:
        raise InvalidError(
            f"{name} is only the difference to another image (it has a backing file)",
            hint="make it whole with qemu-img convert, where the other image is",
        )
    if crypt:
        raise InvalidError(f"{name} is encrypted", hint="decrypt it with qemu-img convert first")


def _check_tables(
    descriptor: int, name: str, size: int, cluster_bits: int, l1_size: int, l1_offset: int, extended: bool
) -> None:
    """Every cluster that the tables name lies inside the file."""
    if l1_size * 8 > 32 * 2**20:  # QEMU's own limit
        raise InvalidError(f"{name} is a damaged qcow2: its first table is too large")
    cluster = 1 << cluster_bits
    step = 2 if extended else 1
    # A set, so that a hostile first table cannot make us read the same second one a million times.
    for start in {entry & _L2_OFFSET for entry in _entries(descriptor, name, l1_offset, l1_size)} - {0}:
        entries = _entries(descriptor, name, start, cluster // 8)[::step]
        if any(_end(entry, cluster_bits) > size for entry in entries if entry):
            raise _truncated(name)


def _end(entry: int, cluster_bits: int) -> int:
    """A byte that must still be in the file for this entry; the last cluster may end with the file."""
    if entry >> 62 & 1:
        bits = 62 - (cluster_bits - 8)
        # A compressed cluster: the last sector counted may end beyond the file, its first bytes may not.
        return (entry & ((1 << bits) - 1)) + 1
    start = entry & _L2_OFFSET
    return start + 1 if start else 0


def _entries(descriptor: int, name: str, offset: int, count: int) -> tuple[int, ...]:
    # Offsets of 2^63 and more are not even asked for.
    table = os.pread(descriptor, count * 8, offset) if offset < 1 << 63 else b""
    if len(table) < count * 8:
        raise _truncated(name)
    return struct.unpack(f">{count}Q", table)


def _truncated(name: str) -> InvalidError:
    return InvalidError(
        f"{name} is cut short: it is a qcow2 whose data lies beyond the end of the file",
        hint="fetch the image again",
    )
