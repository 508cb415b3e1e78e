"""Names in FAT directories, long and short, as drivers of several systems write them."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from bmctl.images.fat import Fat

SECTOR, CLUSTERS, FAT_SECTORS = 512, 5000, 20
LOADER = b"MZ the loader"


def entry(short: bytes, attributes: int, cluster: int) -> bytes:
    return struct.pack("<11sB8xH4xHI", short, attributes, 0, cluster, 0)


def long_name(text: str) -> bytes:
    """The entries of a long name, its last part first (FAT specification, 7)."""
    raw = (text + "\0").encode("utf-16-le")
    raw += b"\xff" * (-len(raw) % 26)
    parts = [raw[at : at + 26] for at in range(0, len(raw), 26)]
    found = b""
    for number, part in reversed(list(enumerate(parts, 1))):
        order = number | 0x40 * (number == len(parts))
        found += struct.pack("<B10sBBB12sH4s", order, part[:10], 0x0F, 0, 0, part[10:22], 0, part[22:])
    return found


@pytest.fixture
def volume(tmp_path) -> Path:
    """A FAT16 volume whose directories have senseless short names, as a few drivers make them."""
    boot = bytearray(SECTOR)
    struct.pack_into("<HBHBHH1xH", boot, 11, SECTOR, 1, 1, 1, 512, CLUSTERS, FAT_SECTORS)
    boot[510:] = b"\x55\xaa"
    table = struct.pack("<6H", 0xFFF8, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF)
    deleted = b"\xe5" + entry(b"ELETED     ", 0x20, 9)[1:]
    root = entry(b"VOLUME     ", 0x08, 0) + long_name("gone") + deleted + entry(b"PLAIN   TXT", 0x20, 5)
    root += long_name("efi") + entry(b"~1         ", 0x10, 2)
    directory = long_name("Boot") + entry(b"~1         ", 0x10, 3)
    files = long_name("a name of more than thirteen letters.efi") + entry(b"ANAMEO~1EFI", 0x20, 4)
    files += long_name("BOOTX64.EFI") + entry(b"~1         ", 0x20, 4)
    path = tmp_path / "volume"
    with path.open("wb") as file:
        os.pwrite(file.fileno(), bytes(boot), 0)
        os.pwrite(file.fileno(), table, SECTOR)
        os.pwrite(file.fileno(), root, SECTOR * (1 + FAT_SECTORS))
        for number, content in enumerate((directory, files, LOADER)):
            os.pwrite(file.fileno(), content, SECTOR * (1 + FAT_SECTORS + 32 + number))
        file.truncate(SECTOR * CLUSTERS)
    return path


def test_long_names_count_where_short_ones_say_nothing(volume):
    with volume.open("rb") as file:
        fat = Fat(file.fileno(), 0)
        assert fat.names() == ("PLAIN.TXT", "EFI")
        assert fat.names("EFI/BOOT") == ("A NAME OF MORE THAN THIRTEEN LETTERS.EFI", "BOOTX64.EFI")
        assert fat.start_of("efi/boot/bootx64.efi")[: len(LOADER)] == LOADER
        assert fat.start_of("EFI/BOOT/ANAMEO~1.EFI")[: len(LOADER)] == LOADER


def test_a_long_name_of_a_deleted_file_is_nobody_elses(volume):
    with volume.open("rb") as file:
        assert "GONE" not in Fat(file.fileno(), 0).names()
