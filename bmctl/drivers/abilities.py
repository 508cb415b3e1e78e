"""What a controller can do for a machine: one small protocol per ability, and the driver that holds them.

Every method raises `UnreachableError` where the controller does not answer, `RefusedError` where
it refuses (password, certificate, unsupported value), and `BmctlError` where the machine did not
end in the state that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bmctl.drivers.pace import Pace
from bmctl.model.controller import BiosValue, BiosView, Component, Started, TaskReport
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState, SecureBootState
from bmctl.model.raid import NewVolume, RaidController, Volume
from bmctl.model.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach one controller: what `Bmc` says, with its secret resolved.

    `connect_to` is the IP address to connect to where this host's resolver does not know the name in
    `address`; certificates still go by the name.
    """

    address: str
    username: str
    password: Secret
    system: str | None = None
    auth: str = "auto"
    verify: bool | Path = True
    connect_to: str | None = None
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a controller says of itself and its machine; None where it does not say.

    `abilities` names what it can do beyond booting: those that steps ask for (`Offered.ability`).
    """

    protocol: str
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    uuid: str | None = None
    sku: str | None = None
    bios_version: str | None = None
    controller_vendor: str | None = None
    controller_model: str | None = None
    controller_version: str | None = None
    power: PowerState = PowerState.UNKNOWN
    boot_mode: BootMode | None = None
    secure_boot: SecureBootState = SecureBootState.UNKNOWN
    cpus: int | None = None
    memory_gib: float | None = None
    macs: tuple[str, ...] = ()
    boot_targets: tuple[BootTarget, ...] = ()
    media_slots: tuple[str, ...] = ()
    abilities: tuple[str, ...] = ()


class PowerControl(Protocol):
    """Switches the machine and waits until it is switched."""

    async def state(self) -> PowerState: ...

    async def set(self, action: PowerAction, *, timeout: float = 120.0) -> None:
        """Return once the machine is in the state asked for; asking for the present state is fine."""


class BootOverride(Protocol):
    """Chooses what the machine boots from, once where the controller can."""

    async def set_next(self, target: BootTarget, mode: BootMode, *, persistent: bool = False) -> None:
        """Boot from there the next time; with `persistent` each time, until it is cleared."""

    async def clear(self) -> None:
        """Leave no override behind; the machine goes by its own boot order."""


class MediaDrive(Protocol):
    """Holds one image that the machine can boot."""

    async def insert(self, url: str) -> None:
        """Leave exactly this image in the drive, whatever was there before, and see that it is."""

    async def eject(self) -> None:
        """Leave every drive of the machine empty, and see that they are."""

    async def inserted(self) -> tuple[str, ...]:
        """URLs of the images in the machine's drives, empty text where a URL is not told."""


class SecureBoot(Protocol):
    """Tells and sets whether the firmware enforces signatures from the next boot on."""

    async def state(self) -> SecureBootState: ...

    async def current(self) -> SecureBootState:
        """Whether the boot that the machine is in, or had last, is enforced; some tell only the setting."""

    async def set(self, enabled: bool) -> None:
        """Ask for it; some controllers show it only after a restart of the machine."""


class SecureBootKeys(Protocol):
    """Changes the keys that the firmware trusts."""

    async def reset_to_default(self) -> None: ...

    async def clear(self) -> None: ...


class BootModeControl(Protocol):
    """Tells and sets the firmware interface that the machine boots with."""

    async def mode(self) -> BootMode | None: ...

    async def set(self, mode: BootMode) -> None:
        """Ask for it; some controllers show it only after a restart of the machine."""


class BiosSettings(Protocol):
    """Tells and sets BIOS settings. Changes come true when the machine restarts."""

    async def read(self) -> BiosView: ...

    async def apply(self, values: Mapping[str, BiosValue]) -> None:
        """Ask for these values.

        Raises `InvalidError` before anything is sent where the BIOS has no such setting or value.
        """

    async def reset(self) -> None:
        """Ask for the factory's values."""


class Tasks(Protocol):
    """Tells how far work is that the controller took on."""

    async def running(self) -> tuple[str, ...] | None:
        """All work that the controller knows, finished or not; None where it keeps no list."""

    async def look(self, task: str) -> TaskReport: ...


class Raid(Protocol):
    """Makes and deletes volumes of RAID controllers."""

    async def look(self) -> tuple[RaidController, ...]: ...

    async def create(self, volume: NewVolume) -> Started: ...

    async def delete(self, volume: Volume) -> Started: ...


class FirmwareUpdate(Protocol):
    """Has the controller fetch firmware and write it."""

    async def find(self, name: str) -> Component:
        """The component with that name or id, or `bios` or `bmc`; raises `InvalidError` for others."""

    async def start(self, url: str, targets: tuple[str, ...]) -> Started:
        """Begin; no targets leave it to the controller what the file is for.

        It is asked once: raises `LostAnswerError` where nobody knows whether the work began.
        """


class ControllerReset(Protocol):
    """Restarts the controller itself."""

    async def reset(self) -> None:
        """Return as soon as it was told; it does not answer for a while then."""


class Clock(Protocol):
    """Tells the controller's time."""

    async def read(self) -> datetime: ...


class Introspection(Protocol):
    """Tells what the machine is."""

    async def describe(self) -> Description: ...


class Session(Protocol):
    """The conversation with the controller."""

    async def close(self) -> None:
        """Give the controller its session back; safe to call twice."""

    @property
    def requests(self) -> int:
        """How many requests the controller has been sent so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The abilities of one machine's controller; None means it has none."""

    session: Session
    power: PowerControl
    introspection: Introspection
    boot: BootOverride | None = None
    media: MediaDrive | None = None
    secure_boot: SecureBoot | None = None
    secure_boot_keys: SecureBootKeys | None = None
    boot_mode: BootModeControl | None = None
    bios: BiosSettings | None = None
    tasks: Tasks | None = None
    raid: Raid | None = None
    firmware: FirmwareUpdate | None = None
    bmc_reset: ControllerReset | None = None
    clock: Clock | None = None
