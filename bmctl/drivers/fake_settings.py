"""What the fake machine's controller can do beyond booting: settings, volumes, firmware, itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bmctl.drivers.abilities import Driver
from bmctl.errors import InvalidError
from bmctl.model.controller import Ability, BiosValue, BiosView, Component, Started, TaskReport, TaskState
from bmctl.model.firmware import BootMode, SecureBootState
from bmctl.model.raid import DiskType, NewVolume, PhysicalDisk, RaidController, RaidLevel, Volume

ABILITIES: tuple[str, ...] = tuple(Ability)
GIB = 2**30
_CONTROLLER = "/raid/1"
_DEFAULTS: dict[str, BiosValue] = {
    "BootMode": "Uefi",
    "LogicalProc": "Enabled",
    "NumCores": 8,
    "QuietBoot": True,
}


def _disks() -> tuple[PhysicalDisk, ...]:
    return tuple(
        PhysicalDisk(
            path=f"{_CONTROLLER}/disk{number}", id=f"disk{number}", size=100 * GIB, type=DiskType.SSD
        )
        for number in range(4)
    )


@dataclass(slots=True, kw_only=True)
class Settings:
    """What the controller keeps; a restart of the machine makes true what was asked for."""

    bios: dict[str, BiosValue] = field(default_factory=lambda: dict(_DEFAULTS))
    pending: dict[str, BiosValue] = field(default_factory=dict)
    refused: str = ""
    """Why changes of BIOS settings come to nothing at the next restart; empty where they come true."""
    secure_boot: bool = False
    secure_boot_now: bool = False
    keys: str = "default"
    disks: tuple[PhysicalDisk, ...] = field(default_factory=_disks)
    volumes: tuple[Volume, ...] = ()
    updates: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=lambda: {"bios": "1.0", "bmc": "1.0"})
    reports: list[TaskReport] = field(default_factory=list)
    """What is told of the next update, one report a look; the last one stays."""
    tasks: dict[str, list[TaskReport]] = field(default_factory=dict)
    resets: int = 0
    ahead: timedelta = timedelta()
    """How far the controller's clock is ahead of the true time."""
    _made: int = 0

    @property
    def secure_boot_state(self) -> SecureBootState:
        """The setting for the next boot."""
        return _state(self.secure_boot)

    def restart(self) -> None:
        """The machine starts: what waited for that comes true."""
        if not self.refused:
            self.bios.update(self.pending)
        self.pending.clear()
        self.secure_boot_now = self.secure_boot
        for reports in self.tasks.values():
            if reports[0].state is TaskState.WAITING and len(reports) > 1:
                del reports[0]

    def new_volume(self, volume: NewVolume) -> None:
        """Make a volume of whole disks."""
        self._made += 1
        size = volume.size or sum(disk.size for disk in self.disks if disk.path in volume.disks)
        made = Volume(
            path=f"{_CONTROLLER}/volume{self._made}",
            name=volume.name or "",
            size=size,
            level=volume.level,
            disks=volume.disks,
        )
        self.volumes = (*self.volumes, made)

    def new_task(self) -> str:
        """Begin an update that goes as scripted, else well."""
        task = f"/tasks/{len(self.tasks) + 1}"
        self.tasks[task] = list(self.reports) or [TaskReport(state=TaskState.DONE)]
        return task


class _Machine(Protocol):
    mode: BootMode
    settings: Settings

    def call(self, name: str) -> AbstractAsyncContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class _SecureBoot:
    machine: _Machine

    async def state(self) -> SecureBootState:
        async with self.machine.call("secure_boot.state"):
            return self.machine.settings.secure_boot_state

    async def current(self) -> SecureBootState:
        async with self.machine.call("secure_boot.current"):
            return _state(self.machine.settings.secure_boot_now)

    async def set(self, enabled: bool) -> None:
        async with self.machine.call("secure_boot.set"):
            self.machine.settings.secure_boot = enabled


@dataclass(frozen=True, slots=True)
class _SecureBootKeys:
    machine: _Machine

    async def reset_to_default(self) -> None:
        async with self.machine.call("secure_boot_keys.reset_to_default"):
            self.machine.settings.keys = "default"

    async def clear(self) -> None:
        async with self.machine.call("secure_boot_keys.clear"):
            self.machine.settings.keys = "none"


@dataclass(frozen=True, slots=True)
class _BootMode:
    machine: _Machine

    async def mode(self) -> BootMode | None:
        async with self.machine.call("boot_mode.mode"):
            return self.machine.mode

    async def set(self, mode: BootMode) -> None:
        async with self.machine.call("boot_mode.set"):
            self.machine.mode = mode


@dataclass(frozen=True, slots=True)
class _Bios:
    machine: _Machine

    async def read(self) -> BiosView:
        async with self.machine.call("bios.read"):
            settings = self.machine.settings
            return BiosView(values=dict(settings.bios), defaults=dict(_DEFAULTS), refused=settings.refused)

    async def apply(self, values: Mapping[str, BiosValue]) -> None:
        async with self.machine.call("bios.apply"):
            unknown = [name for name in values if name not in self.machine.settings.bios]
            if unknown:
                raise InvalidError(f"the BIOS has no setting {', '.join(unknown)}")
            self.machine.settings.pending.update(values)

    async def reset(self) -> None:
        async with self.machine.call("bios.reset"):
            self.machine.settings.pending = dict(_DEFAULTS)


@dataclass(frozen=True, slots=True)
class _Tasks:
    machine: _Machine

    async def running(self) -> tuple[str, ...] | None:
        async with self.machine.call("tasks.running"):
            return tuple(self.machine.settings.tasks)

    async def look(self, task: str) -> TaskReport:
        async with self.machine.call("tasks.look"):
            reports = self.machine.settings.tasks.get(task, [TaskReport(state=TaskState.GONE)])
            waits = reports[0].state is TaskState.WAITING
            return reports[0] if waits or len(reports) == 1 else reports.pop(0)


@dataclass(frozen=True, slots=True)
class _Raid:
    machine: _Machine

    async def look(self) -> tuple[RaidController, ...]:
        async with self.machine.call("raid.look"):
            settings = self.machine.settings
            found = RaidController(
                path=_CONTROLLER,
                id="1",
                levels=tuple(RaidLevel),
                disks=settings.disks,
                volumes=settings.volumes,
            )
            return (found,)

    async def create(self, volume: NewVolume) -> Started:
        async with self.machine.call("raid.create"):
            self.machine.settings.new_volume(volume)
        return Started()

    async def delete(self, volume: Volume) -> Started:
        async with self.machine.call("raid.delete"):
            settings = self.machine.settings
            settings.volumes = tuple(other for other in settings.volumes if other.path != volume.path)
        return Started()


@dataclass(frozen=True, slots=True)
class _Firmware:
    machine: _Machine

    async def find(self, name: str) -> Component:
        async with self.machine.call("firmware.find"):
            versions = self.machine.settings.versions
            if name not in versions:
                raise InvalidError(f"this controller has no firmware component {name}")
            return Component(name=name, version=versions[name], targets=(name,))

    async def start(self, url: str, targets: tuple[str, ...]) -> Started:
        async with self.machine.call("firmware.start"):
            settings = self.machine.settings
            settings.updates.append(url)
            for target in targets:
                settings.versions[target] = f"{float(settings.versions[target]) + 1:g}.0"
            return Started(task=settings.new_task())


@dataclass(frozen=True, slots=True)
class _Reset:
    machine: _Machine

    async def reset(self) -> None:
        async with self.machine.call("bmc_reset.reset"):
            self.machine.settings.resets += 1


@dataclass(frozen=True, slots=True)
class _Clock:
    machine: _Machine

    async def read(self) -> datetime:
        async with self.machine.call("clock.read"):
            return datetime.now(UTC) + self.machine.settings.ahead


def equipped(driver: Driver, machine: _Machine) -> Driver:
    """The driver with all that this controller can do beyond booting."""
    return replace(
        driver,
        secure_boot=_SecureBoot(machine),
        secure_boot_keys=_SecureBootKeys(machine),
        boot_mode=_BootMode(machine),
        bios=_Bios(machine),
        tasks=_Tasks(machine),
        raid=_Raid(machine),
        firmware=_Firmware(machine),
        bmc_reset=_Reset(machine),
        clock=_Clock(machine),
    )


def _state(enabled: bool) -> SecureBootState:
    return SecureBootState.ENABLED if enabled else SecureBootState.DISABLED
