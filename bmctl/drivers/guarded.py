"""A driver that looks whether the machine is still ours right before each thing it does to it.

A controller knows no fences: a command that lost its lock (its host slept, somebody took over) must
find out before it switches anything. Reading needs no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bmctl.drivers.abilities import (
    BiosSettings,
    BootModeControl,
    BootOverride,
    ControllerReset,
    Driver,
    FirmwareUpdate,
    MediaDrive,
    PowerControl,
    Raid,
    SecureBoot,
    SecureBootKeys,
)
from bmctl.model.controller import BiosValue, BiosView, Component, Started
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState, SecureBootState
from bmctl.model.raid import NewVolume, RaidController, Volume

Check = Callable[[], None]


def guarded(driver: Driver, check: Check) -> Driver:
    """The same driver, whose changes begin with `check()`; what that raises stops the change."""
    return replace(
        driver,
        power=_Power(driver.power, check),
        boot=driver.boot and _Boot(driver.boot, check),
        media=driver.media and _Media(driver.media, check),
        secure_boot=driver.secure_boot and _SecureBoot(driver.secure_boot, check),
        secure_boot_keys=driver.secure_boot_keys and _SecureBootKeys(driver.secure_boot_keys, check),
        boot_mode=driver.boot_mode and _BootMode(driver.boot_mode, check),
        bios=driver.bios and _Bios(driver.bios, check),
        raid=driver.raid and _Raid(driver.raid, check),
        firmware=driver.firmware and _Firmware(driver.firmware, check),
        bmc_reset=driver.bmc_reset and _Reset(driver.bmc_reset, check),
    )


@dataclass(frozen=True, slots=True)
class _Power:
    inner: PowerControl
    check: Check

    async def state(self) -> PowerState:
        return await self.inner.state()

    async def set(self, action: PowerAction, *, timeout: float = 120.0) -> None:
        self.check()
        await self.inner.set(action, timeout=timeout)


@dataclass(frozen=True, slots=True)
class _Boot:
    inner: BootOverride
    check: Check

    async def set_next(self, target: BootTarget, mode: BootMode, *, persistent: bool = False) -> None:
        self.check()
        await self.inner.set_next(target, mode, persistent=persistent)

    async def clear(self) -> None:
        self.check()
        await self.inner.clear()


@dataclass(frozen=True, slots=True)
class _Media:
    inner: MediaDrive
    check: Check

    async def insert(self, url: str) -> None:
        self.check()
        await self.inner.insert(url)

    async def eject(self) -> None:
        self.check()
        await self.inner.eject()

    async def inserted(self) -> tuple[str, ...]:
        return await self.inner.inserted()


@dataclass(frozen=True, slots=True)
class _SecureBoot:
    inner: SecureBoot
    check: Check

    async def state(self) -> SecureBootState:
        return await self.inner.state()

    async def current(self) -> SecureBootState:
        return await self.inner.current()

    async def set(self, enabled: bool) -> None:
        self.check()
        await self.inner.set(enabled)


@dataclass(frozen=True, slots=True)
class _SecureBootKeys:
    inner: SecureBootKeys
    check: Check

    async def reset_to_default(self) -> None:
        self.check()
        await self.inner.reset_to_default()

    async def clear(self) -> None:
        self.check()
        await self.inner.clear()


@dataclass(frozen=True, slots=True)
class _BootMode:
    inner: BootModeControl
    check: Check

    async def mode(self) -> BootMode | None:
        return await self.inner.mode()

    async def set(self, mode: BootMode) -> None:
        self.check()
        await self.inner.set(mode)


@dataclass(frozen=True, slots=True)
class _Bios:
    inner: BiosSettings
    check: Check

    async def read(self) -> BiosView:
        return await self.inner.read()

    async def apply(self, values: Mapping[str, BiosValue]) -> None:
        self.check()
        await self.inner.apply(values)

    async def reset(self) -> None:
        self.check()
        await self.inner.reset()


@dataclass(frozen=True, slots=True)
class _Raid:
    inner: Raid
    check: Check

    async def look(self) -> tuple[RaidController, ...]:
        return await self.inner.look()

    async def create(self, volume: NewVolume) -> Started:
        self.check()
        return await self.inner.create(volume)

    async def delete(self, volume: Volume) -> Started:
        self.check()
        return await self.inner.delete(volume)


@dataclass(frozen=True, slots=True)
class _Firmware:
    inner: FirmwareUpdate
    check: Check

    async def find(self, name: str) -> Component:
        return await self.inner.find(name)

    async def start(self, url: str, targets: tuple[str, ...]) -> Started:
        self.check()
        return await self.inner.start(url, targets)


@dataclass(frozen=True, slots=True)
class _Reset:
    inner: ControllerReset
    check: Check

    async def reset(self) -> None:
        self.check()
        await self.inner.reset()
