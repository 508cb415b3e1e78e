"""What lies on a machine's disks, and what an image brings: partitions and file systems by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
ESP_TYPES = frozenset({ESP, "0xef"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filesystem:
    """What one device carries: a partition, a volume, or a disk without partitions.

    `device` is its name (`/dev/sda1`), `inside` those of what it lies on, the disk first. `kind` is as
    blkid names it (`ext4`, `vfat`, `swap`, `LVM2_member`), empty where nothing is known on it. What has
    no name has an empty one. `type` is the type of the partition: a GUID, or a number in hex.
    """

    device: str
    size: int
    kind: str = ""
    label: str = ""
    uuid: str = ""
    partition_uuid: str = ""
    partition_label: str = ""
    type: str = ""
    mounted: str = ""
    inside: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = "ESP" if self.type in ESP_TYPES else self.kind or "unknown"
        return f"{name} {self.label!r}" if self.label else name


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskContent:
    """One disk and what is on it; `table` is `gpt`, `dos` or empty. `size` in bytes."""

    name: str
    size: int
    serial: str = ""
    model: str = ""
    transport: str = ""
    read_only: bool = False
    table: str = ""
    contents: tuple[Filesystem, ...] = ()

    @property
    def title(self) -> str:
        """Which disk it is, for a person."""
        about = [f"{self.size / 2**30:.1f} GiB", self.model, self.serial and f"serial {self.serial}"]
        return f"{self.name} ({', '.join(text for text in about if text)})"

    @property
    def summary(self) -> str:
        """What is on it, for a person: `GPT: ESP, ext4 'rootfs', swap`."""
        found = ", ".join(str(content) for content in self.contents)
        table = {"gpt": "GPT", "dos": "MBR"}.get(self.table, self.table)
        if not table:
            return found or "empty"
        return f"{table}: {found or 'no partitions'}"

    def holds(self, device: str) -> bool:
        """Whether a device is this disk, or lies on it."""
        return device == self.name or any(
            device == content.device or device in content.inside for content in self.contents
        )

    def to_json(self) -> dict[str, Any]:
        """The disk as plain data; `from_json` reads it."""
        contents = [{**asdict(content), "inside": list(content.inside)} for content in self.contents]
        return {**asdict(self), "contents": contents}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The disk out of plain data; keys of later versions are passed over."""
        known = {field.name for field in fields(cls)}
        contents = tuple(_filesystem(content) for content in data.get("contents", ()))
        return cls(**{**{key: value for key, value in data.items() if key in known}, "contents": contents})


def _filesystem(data: Mapping[str, Any]) -> Filesystem:
    known = {field.name for field in fields(Filesystem)}
    values = {key: value for key, value in data.items() if key in known}
    return Filesystem(**{**values, "inside": tuple(values.get("inside", ()))})
