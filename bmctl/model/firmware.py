"""How a machine's firmware boots, and what its controller can be told about it."""

from __future__ import annotations

from enum import StrEnum


class BootMode(StrEnum):
    """The firmware interface a machine boots with."""

    UEFI = "uefi"
    BIOS = "bios"


class BootInterface(StrEnum):
    """The way a ramdisk reaches a machine. A member's module lives in `bmctl.boot`."""

    VIRTUAL_MEDIA = "virtual-media"


class BootTarget(StrEnum):
    """What a machine is told to boot from next."""

    CD = "cd"
    DISK = "disk"
    PXE = "pxe"
    HTTP = "http"
    BIOS_SETUP = "bios-setup"


class PowerState(StrEnum):
    """Power as the controller reports it; the changing states are on their way, not there."""

    ON = "on"
    OFF = "off"
    POWERING_ON = "powering on"
    POWERING_OFF = "powering off"
    UNKNOWN = "unknown"


class PowerAction(StrEnum):
    """What an operator can ask of a machine's power."""

    ON = "on"
    OFF = "off"
    SOFT_OFF = "soft-off"
    REBOOT = "reboot"
    SOFT_REBOOT = "soft-reboot"


class SecureBootState(StrEnum):
    """Whether the firmware enforces signatures; unknown where the controller does not say."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


class Architecture(StrEnum):
    """The processor family of a machine, named as the agent and Linux name it."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"
