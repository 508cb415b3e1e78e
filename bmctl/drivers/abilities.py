"""What a controller can do for a machine: one small protocol per ability, and the driver that holds them.

Every method raises `UnreachableError` where the controller does not answer, `RefusedError` where
it refuses (password, certificate, unsupported value), and `BmctlError` where the machine did not
end in the state that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bmctl.drivers.pace import Pace
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState, SecureBootState
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

    async def set_next(self, target: BootTarget, mode: BootMode) -> None: ...

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

    async def set(self, enabled: bool) -> None: ...


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
