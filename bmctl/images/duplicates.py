"""Names that an image shares with what is on a machine's other disks, where it could take the wrong one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bmctl.model.disks import DiskContent, Filesystem

CONFIG_DRIVE_LABEL = "config-2"
CONFIG_DRIVE = Filesystem(device="config drive", size=0, kind="iso9660", label=CONFIG_DRIVE_LABEL)
BOOT_MEDIA = {"usb", ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Something on another disk has the same `value` as its `name` as a part of the image.

    `name` is "UUID", "PARTUUID" or "label".
    """

    disk: DiskContent
    content: Filesystem
    part: Filesystem
    name: str
    value: str

    def __str__(self) -> str:
        where = self.content.device
        on = "" if where == self.disk.name else f" on {self.disk.title}"
        whose = self.part.device if self.part is CONFIG_DRIVE else f"{self.part.device} of the image"
        return f"{where if on else self.disk.title}{on} has the {self.name} {self.value} like the {whose}"


def duplicates(
    image: Iterable[Filesystem], disks: Iterable[DiskContent], target: str, *, config_drive: bool
) -> tuple[Duplicate, ...]:
    """What other disks than `target` (`/dev/sda`) carry under a name that the image uses.

    A disk that `target` lies on (a member of an array, a path to it) is no other disk. With a config
    drive its label counts as one of the image's. Boot media do not count: they are gone when the
    deployed system starts.
    """
    parts = (*image, *((CONFIG_DRIVE,) if config_drive else ()))
    names = {(name, value.lower()): (part, value) for part in parts for name, value in _names(part)}
    found = []
    for disk in disks:
        if disk.holds(target):
            continue
        for content in disk.contents:
            if _is_boot_medium(disk, content):
                continue
            for name, value in _names(content):
                if (match := names.get((name, value.lower()))) is not None:
                    found.append(Duplicate(disk=disk, content=content, part=match[0], name=name, value=value))
    return tuple(found)


def _names(part: Filesystem) -> Iterator[tuple[str, str]]:
    for name, value in (("UUID", part.uuid), ("PARTUUID", part.partition_uuid), ("label", part.label)):
        if value:
            yield name, value


def _is_boot_medium(disk: DiskContent, content: Filesystem) -> bool:
    whole = content.device == disk.name
    return whole and content.kind == "iso9660" and (disk.read_only or disk.transport in BOOT_MEDIA)
