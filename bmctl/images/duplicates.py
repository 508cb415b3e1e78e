"""Names that an image shares with what is on a machine's other disks, where it could take the wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bmctl.model.disks import DiskContent, Filesystem

CONFIG_DRIVE_LABEL = "config-2"
CONFIG_DRIVE = Filesystem(device="the config drive", size=0, kind="iso9660", label=CONFIG_DRIVE_LABEL)
BOOT_MEDIA = {"usb", ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Something on another disk that has names of a part of the image.

    `names` are pairs of what kind of name it is ("UUID", "PARTUUID", "label") and the name.
    """

    disk: DiskContent
    content: Filesystem
    part: Filesystem
    names: tuple[tuple[str, str], ...]

    @property
    def summary(self) -> str:
        """What is where, without the names themselves."""
        return self._text([kind for kind, _ in self.names])

    def __str__(self) -> str:
        return self._text([f"{kind} {name}" for kind, name in self.names])

    def _text(self, names: list[str]) -> str:
        device = self.content.device
        where = self.disk.title if device == self.disk.name else f"{device} on {self.disk.title}"
        *others, last = names
        listed = f"{', '.join(others)} and {last}" if others else last
        whose = self.part.device if self.part is CONFIG_DRIVE else f"the image's {self.part.device}"
        return f"{where} has the {listed} of {whose}"


def duplicates(
    image: Iterable[Filesystem], disks: Iterable[DiskContent], target: str, *, config_drive: bool
) -> tuple[Duplicate, ...]:
    """What other disks than `target` (`/dev/sda`) carry under a name that the image uses.

    A disk that `target` lies on (a member of an array, a path to it) is no other disk. With a config
    drive its label counts as one of the image's. Boot media do not count: they are gone when the
    deployed system starts.
    """
    parts = (*image, *((CONFIG_DRIVE,) if config_drive else ()))
    return tuple(
        Duplicate(disk=disk, content=content, part=part, names=names)
        for disk in disks
        if not disk.holds(target)
        for content in disk.contents
        if not _is_boot_medium(disk, content)
        for part in parts
        if (names := _shared(content, part))
    )


def _shared(content: Filesystem, part: Filesystem) -> tuple[tuple[str, str], ...]:
    pairs = (
        ("UUID", content.uuid, part.uuid),
        ("PARTUUID", content.partition_uuid, part.partition_uuid),
        ("label", content.label, part.label),
    )
    return tuple((kind, one) for kind, one, other in pairs if one and one.lower() == other.lower())


def _is_boot_medium(disk: DiskContent, content: Filesystem) -> bool:
    whole = content.device == disk.name
    return whole and content.kind == "iso9660" and (disk.read_only or disk.transport in BOOT_MEDIA)
