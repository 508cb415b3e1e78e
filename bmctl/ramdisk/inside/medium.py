"""Finds the boot medium among block devices by reading its ISO 9660 volume descriptor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

LABEL: Final = "config-2"
DESCRIPTOR: Final = 16 * 2048
"""Offset of the primary volume descriptor (ECMA-119, 6.7.1 and 8.4), in bytes."""


class Kind(IntEnum):
    """How much a device looks like virtual media; smaller is better."""

    ROM = 0
    REMOVABLE = 1
    OTHER = 2


@dataclass(frozen=True)
class Volume:
    """Label and publisher of an ISO 9660 file system."""

    label: str
    publisher: str


def parse_volume(descriptor: bytes) -> Volume | None:
    """The volume that a sector describes, None if it is not a primary volume descriptor."""
    if len(descriptor) < 446 or descriptor[:7] != b"\x01CD001\x01":
        return None
    return Volume(label=_text(descriptor[40:72]), publisher=_text(descriptor[318:446]))


def _text(field: bytes) -> str:
    return field.rstrip(b" \0").decode("ascii", errors="replace")


def read_volume(device: Path) -> Volume | None:
    """The volume on a device, None where there is no disc or another file system."""
    try:
        with device.open("rb", buffering=0) as source:
            source.seek(DESCRIPTOR)
            return parse_volume(source.read(2048))
    except OSError:
        return None


def kind_of(block: Path) -> Kind:
    """What the entry of a whole disk below /sys/block says it is."""
    if block.name.startswith("sr"):
        return Kind.ROM
    removable = (block / "removable").exists() and (block / "removable").read_text().strip() == "1"
    return Kind.REMOVABLE if removable or "/usb" in str(block.resolve()) else Kind.OTHER


def choose(volumes: Mapping[str, tuple[Kind, Volume]], publisher: str | None) -> str | None:
    """The name of the device that is the boot medium.

    A disk deployed earlier may carry a volume of the same label: partitions are never looked at, a
    publisher asked for must match, and without one only drives that look like virtual media count.
    """
    fitting = [
        (kind, name)
        for name, (kind, volume) in volumes.items()
        if volume.label.lower() == LABEL and _fits(kind, volume, publisher)
    ]
    return min(fitting)[1] if fitting else None


def _fits(kind: Kind, volume: Volume, publisher: str | None) -> bool:
    if publisher:
        return volume.publisher.lower() == publisher.lower()
    return kind is not Kind.OTHER


def find_medium(publisher: str | None, *, blocks: Path, devices: Path) -> Path | None:
    """The boot medium's device, looked for among the whole disks below `blocks` (/sys/block)."""
    volumes = {}
    for block in blocks.iterdir():
        if block.name.startswith(("loop", "ram", "zram", "dm-", "md", "nbd")):
            continue
        if volume := read_volume(devices / block.name):
            volumes[block.name] = (kind_of(block), volume)
    name = choose(volumes, publisher)
    return devices / name if name else None
