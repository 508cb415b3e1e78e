"""What a file is, told by its content and never by its name; and what cannot be a disk is named."""

from __future__ import annotations

import codecs
import json
import os
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
_LARGEST_PAGE = 2**20
_ISO_AT = 16 * 2048 + 1
_OTHERS = (
    (0, b"KDMV", "a VMDK image"),
    (0, b"# Disk DescriptorFile", "a VMDK descriptor"),
    (0, b"conectix", "a VHD image"),
    (0, b"vhdxfile", "a VHDX image"),
    (0, b"<<< ", "a VDI image"),
    (0, b"QED\0", "a QED image"),
    (0, b"\x3a\xff\x26\xed", "an Android sparse image"),
    (0, b"MSWIM\0\0\0", "a Windows installation image (WIM)"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"BZh", "bzip2-compressed"),
    (0, b"\x04\x22\x4d\x18", "lz4-compressed"),
    (0, b"\x5d\x00\x00", "lzma-compressed"),
    (0, b"\x1f\x9d", "compress-compressed"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"07070", "a cpio archive"),
    (0, b"!<arch>\n", "an ar archive or Debian package"),
    (0, b"\xed\xab\xee\xdb", "an RPM package"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x7fELF", "a program"),
    (257, b"ustar", "a tar archive"),
    (514, b"HdrS", "a Linux kernel"),
)
# One file system or volume alone: a partition's content, where a whole disk is wanted.
_PARTS = (
    (0, b"XFSB", "an XFS file system"),
    (0, b"hsqs", "a squashfs file system"),
    (0, b"LUKS\xba\xbe", "a LUKS volume"),
    (3, b"NTFS    ", "an NTFS file system"),
    (54, b"FAT", "a FAT file system"),
    (82, b"FAT32", "a FAT file system"),
    (512, b"LABELONE", "an LVM volume"),
    (1024 + 56, b"\x53\xef", "an ext2, ext3 or ext4 file system"),
    (1024, b"\x10\x20\xf5\xf2", "an F2FS file system"),
    (1024, b"\xe2\xe1\xf5\xe0", "an EROFS file system"),
    (4086, b"SWAPSPACE2", "swap space"),
    (65536 + 64, b"_BHRfS_M", "a Btrfs file system"),
)
_TABLE_AT = 510


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file holds; a compressed one counts as raw until it is unpacked."""

    compression: Compression | None
    format: ImageFormat


PLAIN = Content(compression=None, format=ImageFormat.RAW)


def look(path: Path, *, name: str) -> Content:
    """What the file is; raises `InvalidError` for nothing, for pages and texts, and for what is no disk."""
    with path.open("rb") as file:
        start = file.read(1024)
        if not start:
            raise InvalidError(f"the image is empty: {name}", hint="the download may have failed")
        for magic, compression in _COMPRESSIONS:
            if start.startswith(magic):
                return Content(compression=compression, format=ImageFormat.RAW)
        if start.startswith(_QCOW2):
            return Content(compression=None, format=ImageFormat.QCOW2)
        _refuse_text(file.fileno(), start, name)
        _refuse_others(file.fileno(), start, name)
    return PLAIN


def part_of_disk(path: Path) -> str:
    """What lone file system or volume a file without partition table is, in words; empty where unknown."""
    with path.open("rb") as file:
        return next((kind for at, magic, kind in _PARTS if _has(file.fileno(), at, magic)), "")


def _refuse_text(descriptor: int, start: bytes, name: str) -> None:
    kind = _kind_of_text(descriptor, start)
    if kind is None:
        return
    raise InvalidError(
        f"{name} is {kind}, not an image", hint="the server or a script left a message there: check the URL"
    )


def _kind_of_text(descriptor: int, start: bytes) -> str | None:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.lower().startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<!--")):
        return "a web page"
    if text.startswith((b"<?xml", b"<Error>")):
        return f"an XML message ({_quoted(text)})"
    if text.startswith(b"version https://git-lfs.github.com/spec/"):
        return "a pointer of Git LFS"
    if text[:1] in {b"{", b"["} and _is_json(descriptor):
        return f"a JSON message ({_quoted(text)})"
    if not _is_text(start) or _is_other(descriptor, start):
        return None
    return f"text ({_quoted(text)})"


def _is_text(start: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\r\n\f\x1b" for byte in start):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return True


def _is_json(descriptor: int) -> bool:
    if os.fstat(descriptor).st_size > _LARGEST_PAGE:
        return False
    try:
        json.loads(os.pread(descriptor, _LARGEST_PAGE, 0))
    except ValueError:
        return False
    return True


def _quoted(text: bytes) -> str:
    """The first words of a message, on one line."""
    words = " ".join(text.decode("utf-8", "replace").split())
    printable = "".join(letter for letter in words if letter.isprintable())
    return f"{printable[:57]}..." if len(printable) > 60 else printable


def _refuse_others(descriptor: int, start: bytes, name: str) -> None:
    kind = _other(start)
    if kind is None and _has(descriptor, max(os.fstat(descriptor).st_size - 512, 0), b"conectix"):
        kind = "a VHD image"
    if kind is not None:
        raise InvalidError(
            f"{name} is {kind}, which bmctl does not write",
            hint="raw and qcow2 images of whole disks, plain or as gz, xz or zst",
        )
    if _has(descriptor, _ISO_AT, b"CD001"):
        raise InvalidError(
            f"{name} is an ISO: a CD or DVD, not the disk of an installed system",
            hint="take the cloud or disk image of the same system instead of its installer",
        )


def _other(start: bytes) -> str | None:
    return next((kind for at, magic, kind in _OTHERS if start[at:].startswith(magic)), None)


def _is_other(descriptor: int, start: bytes) -> bool:
    return _other(start) is not None or _has(descriptor, _TABLE_AT, b"\x55\xaa")


def _has(descriptor: int, offset: int, magic: bytes) -> bool:
    return os.pread(descriptor, len(magic), offset) == magic
