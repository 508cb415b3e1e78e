"""Names of file systems, as the tools that make them and blkid write them."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest

from bmctl.images.filesystems import probe, read_filesystems
from bmctl.images.partitions import read_partitions

MIB = 2**20
UUID = "0b0e1f2a-1234-4abc-8def-0123456789ab"
MADE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-U", UUID, "-L", "rootfs"),
    "ext3": ("mkfs.ext3", "-q", "-F", "-U", UUID, "-L", "old"),
    "ext2": ("mkfs.ext2", "-q", "-F", "-U", UUID),
    "swap": ("mkswap", "-q", "-U", UUID, "-L", "swap space"),
    "fat16": ("mkfs.vfat", "-F", "16", "-n", "ESP", "-i", "1234ABCD"),
    "fat32": ("mkfs.vfat", "-F", "32", "-s", "1", "-n", "BOOT", "-i", "00C0FFEE"),
    "no label": ("mkfs.vfat", "-F", "16", "-i", "1234ABCD"),
}


def make(tools, path: Path, command: tuple[str, ...], *, size: int = 40 * MIB, offset: int = 0) -> Path:
    """A file system made by the usual tool, `offset` bytes into a file."""
    tools.needs(command[0])
    alone = path.with_suffix(".alone")
    with alone.open("wb") as file:
        file.truncate(size)
    tools.run(*command, alone)
    with path.open("wb") as file:
        file.truncate(offset + size)
        file.seek(offset)
        file.write(alone.read_bytes())
    return path


def by_blkid(path: Path, offset: int) -> tuple[str, str, str]:
    done = subprocess.run(
        ["blkid", "-p", "-O", str(offset), "-o", "export", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    tags = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    # The exported form quotes blanks for shells.
    return tags.get("TYPE", ""), tags.get("LABEL", "").replace("\\", ""), tags.get("UUID", "")


@pytest.mark.parametrize("name", MADE)
def test_names_are_those_that_blkid_finds(tools, tmp_path, name):
    tools.needs("blkid")
    path = make(tools, tmp_path / "image", MADE[name], offset=3 * MIB + 512)
    with path.open("rb") as file:
        found = probe(file.fileno(), 3 * MIB + 512)
    assert found == by_blkid(path, 3 * MIB + 512)
    assert found[0]


def superblock(size: int, *parts: tuple[int, bytes]) -> bytes:
    """Bytes at offsets, zero elsewhere."""
    content = bytearray(size)
    for at, data in parts:
        content[at : at + len(data)] = data
    return bytes(content)


RAW = uuid.UUID(UUID).bytes
LAID_OUT = {
    "xfs": (superblock(512, (0, b"XFSB"), (32, RAW), (108, b"data")), ("xfs", "data", UUID)),
    "btrfs": (
        superblock(0x11000, (0x10040, b"_BHRfS_M"), (0x10020, RAW), (0x1012B, b"pool")),
        ("btrfs", "pool", UUID),
    ),
    "LUKS": (
        superblock(512, (0, b"LUKS\xba\xbe\0\2"), (24, b"secret"), (168, UUID.encode())),
        ("crypto_LUKS", "secret", UUID),
    ),
    "LVM": (
        superblock(2048, (512, b"LABELONE"), (536, b"LVM2 001"), (544, b"abcdefGHIJklmnOPQRstuvWXYZ012345")),
        ("LVM2_member", "", "abcdef-GHIJ-klmn-OPQR-stuv-WXYZ-012345"),
    ),
    "swap of large pages": (
        superblock(65536, (65526, b"SWAPSPACE2"), (1036, RAW), (1052, b"s")),
        ("swap", "s", UUID),
    ),
}


@pytest.mark.parametrize("name", LAID_OUT)
def test_names_stand_where_the_formats_put_them(tmp_path, name):
    content, expected = LAID_OUT[name]
    path = tmp_path / "image"
    path.write_bytes(bytes(4096) + content)
    with path.open("rb") as file:
        assert probe(file.fileno(), 4096) == expected


@pytest.mark.parametrize("content", [b"", b"x" * 100, bytes(70000), b"\xff" * 70000])
def test_what_is_no_file_system_has_no_name(tmp_path, content):
    path = tmp_path / "image"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert probe(file.fileno(), 0) == ("", "", "")


def test_partitions_of_an_image_have_the_names_that_the_kernel_gives(tools, disk):
    tools.needs("blkid")
    esp, data = read_filesystems(disk, read_partitions(disk, name="disk"))
    assert (esp.kind, str(esp), data.kind, data.device) == ("vfat", "ESP", "", "partition 2")
    listed = subprocess.run(
        ["sfdisk", "--dump", disk],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/sbin:/sbin"},
    ).stdout.lower()
    assert esp.partition_uuid in listed
    assert data.partition_uuid in listed


def test_partitions_of_an_mbr_are_called_by_its_signature(tools, tmp_path):
    path = tools.partition(tmp_path / "mbr", "label: dos\nlabel-id: 0x1234abcd\nsize=8MiB, type=83\n")
    (only,) = read_filesystems(path, read_partitions(path, name="mbr"))
    assert only.partition_uuid == "1234abcd-01"
