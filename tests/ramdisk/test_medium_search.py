"""Which block device the ramdisk takes for its boot medium."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmctl.media.iso import new_iso
from bmctl.ramdisk.inside.medium import Kind, Volume, choose, find_medium, parse_volume, read_volume

PUBLISHER = "6f1d0a52-7c1b-4f6e-9a55-0d2f6f3b8f01"
OURS = Volume(label="config-2", publisher=PUBLISHER)
OLD = Volume(label="config-2", publisher="")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    iso = new_iso(label="config-2", publisher=PUBLISHER)
    iso.write(str(tmp_path / "medium.iso"))
    iso.close()
    return tmp_path / "medium.iso"


def test_label_and_publisher_are_read_from_an_image(image: Path):
    assert read_volume(image) == OURS


@pytest.mark.parametrize("content", [b"", b"CD001", bytes(2048), b"\xff" + b"CD001\x01" + bytes(2041)])
def test_what_is_no_volume_is_none(content: bytes):
    assert parse_volume(content) is None


def test_an_empty_drive_is_passed_over(tmp_path: Path):
    assert read_volume(tmp_path / "sr0") is None


@pytest.mark.parametrize(
    ("volumes", "publisher", "chosen"),
    [
        ({"sr0": (Kind.ROM, OURS)}, PUBLISHER, "sr0"),
        ({"sr0": (Kind.ROM, OURS)}, PUBLISHER.upper(), "sr0"),
        ({"sda": (Kind.REMOVABLE, OURS)}, PUBLISHER, "sda"),
        ({"sda": (Kind.OTHER, OLD), "sr0": (Kind.ROM, OURS)}, PUBLISHER, "sr0"),
        ({"sr0": (Kind.ROM, OLD), "sr1": (Kind.ROM, OURS)}, PUBLISHER, "sr1"),
        ({"sda": (Kind.REMOVABLE, OURS), "sr0": (Kind.ROM, OURS)}, None, "sr0"),
        ({"sda": (Kind.OTHER, OLD)}, None, None),
        ({"sr0": (Kind.ROM, OLD)}, PUBLISHER, None),
        ({"sr0": (Kind.ROM, Volume(label="DEBIAN", publisher=PUBLISHER))}, PUBLISHER, None),
        ({}, None, None),
    ],
)
def test_the_medium_is_chosen(
    volumes: dict[str, tuple[Kind, Volume]], publisher: str | None, chosen: str | None
):
    assert choose(volumes, publisher) == chosen


def test_a_disk_with_an_old_config_drive_does_not_distract(tmp_path: Path, image: Path):
    blocks, devices = tmp_path / "block", tmp_path / "dev"
    for name in ("vda", "sr0", "loop0"):
        (blocks / name).mkdir(parents=True)
    devices.mkdir()
    old = new_iso(label="config-2")
    old.write(str(devices / "vda"))
    old.close()
    image.rename(devices / "sr0")
    assert find_medium(PUBLISHER, blocks=blocks, devices=devices) == devices / "sr0"
    assert find_medium(None, blocks=blocks, devices=devices) == devices / "sr0"
