"""What a controller is asked to do beyond booting the machine, and what it says of that work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BiosValue = str | int | float | bool | None


class Ability(StrEnum):
    """What a controller may be able to do; steps ask for these by name."""

    BIOS = "bios"
    BIOS_RESET = "bios_reset"
    BOOT_MODE = "boot_mode"
    BOOT_DEVICE = "boot_device"
    SECURE_BOOT = "secure_boot"
    SECURE_BOOT_KEYS = "secure_boot_keys"
    RAID = "raid"
    FIRMWARE = "firmware"
    VIRTUAL_MEDIA = "virtual_media"
    BMC_RESET = "bmc_reset"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class BiosView:
    """BIOS settings in effect, and their defaults where they are told.

    `refused` is why the last change failed, `changed` when it was tried, in the controller's words.
    """

    values: Mapping[str, BiosValue]
    defaults: Mapping[str, BiosValue] = field(default_factory=dict)
    refused: str = ""
    changed: str = ""


def same_value(one: object, other: object) -> bool:
    """Whether two values of a setting say the same; some controllers keep every value as text."""
    return one == other or str(one).lower() == str(other).lower()


class TaskState(StrEnum):
    """How far work at a controller is."""

    WAITING = "waiting"  # accepted; perhaps until the machine restarts
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"  # the controller knows it no more: some forget what is finished


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What a controller says of work it was given; `percent` None where it does not say."""

    state: TaskState
    percent: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Work that a controller took on: `task` to ask after it, None where it is done already."""

    task: str | None = None
    after_restart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part with firmware of its own; `targets` name it to the controller."""

    name: str
    version: str = ""
    targets: tuple[str, ...] = ()
