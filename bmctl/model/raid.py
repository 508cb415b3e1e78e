"""RAID as operators ask for it, and as a controller shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Self


class RaidLevel(StrEnum):
    """The levels that can be asked for."""

    RAID0 = "0"
    RAID1 = "1"
    RAID5 = "5"
    RAID6 = "6"
    RAID10 = "1+0"
    RAID50 = "5+0"
    RAID60 = "6+0"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """YAML makes a number of 5."""
        return next((level for level in cls if level.value == str(value)), None)


# The fewest disks that make a volume (SNIA Common RAID Disk Data Format, 4.2).
FEWEST_DISKS = {
    RaidLevel.RAID0: 1,
    RaidLevel.RAID1: 2,
    RaidLevel.RAID5: 3,
    RaidLevel.RAID6: 4,
    RaidLevel.RAID10: 4,
    RaidLevel.RAID50: 6,
    RaidLevel.RAID60: 8,
}


class DiskType(StrEnum):
    """What a physical disk is made of."""

    HDD = "hdd"
    SSD = "ssd"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalDisk:
    """One volume that is asked for."""

    size_gb: int | Literal["MAX"] = field(
        metadata={"description": "size in GiB, or MAX for all there is on its disks"}
    )
    raid_level: RaidLevel = field(metadata={"description": "0, 1, 5, 6, 1+0, 5+0 or 6+0"})
    volume_name: str | None = field(default=None, metadata={"description": "name the controller keeps"})
    controller: str | None = field(
        default=None,
        metadata={"description": "id or name of the RAID controller, where there are several"},
    )
    physical_disks: tuple[str, ...] = field(
        default=(), metadata={"description": "ids or names of the disks; without any, free ones are chosen"}
    )
    number_of_physical_disks: int | None = field(
        default=None, metadata={"description": "how many disks; without it as few as the level can do with"}
    )
    disk_type: DiskType | None = field(default=None, metadata={"description": "hdd or ssd"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RaidConfig:
    """All volumes that are asked for."""

    logical_disks: tuple[LogicalDisk, ...] = field(metadata={"description": "the volumes, in this order"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalDisk:
    """A disk at a RAID controller. `path` names it to the controller; sizes are in bytes, 0 untold."""

    path: str
    id: str
    name: str = ""
    size: int = 0
    type: DiskType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume at a RAID controller; `level` None where it is not told, `disks` are paths."""

    path: str
    name: str = ""
    size: int = 0
    level: RaidLevel | None = None
    disks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RaidController:
    """A RAID controller with what is at it; `levels` empty where it does not tell which it can."""

    path: str
    id: str
    name: str = ""
    levels: tuple[RaidLevel, ...] = ()
    disks: tuple[PhysicalDisk, ...] = ()
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVolume:
    """A volume to be made, laid out: `size` in bytes, None for all there is; `disks` are paths."""

    controller: str
    level: RaidLevel
    disks: tuple[str, ...]
    size: int | None = None
    name: str | None = None
