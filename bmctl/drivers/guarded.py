"""A driver that looks whether the machine is still ours right before each thing it does to it.

A controller knows no fences: a command that lost its lock (its host slept, somebody took over) must
find out before it switches anything. Reading needs no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bmctl.drivers.abilities import BootOverride, Driver, MediaDrive, PowerControl, SecureBoot
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState, SecureBootState

Check = Callable[[], None]


def guarded(driver: Driver, check: Check) -> Driver:
    """The same driver, whose changes begin with `check()`; what that raises stops the change."""
    return replace(
        driver,
        power=_Power(driver.power, check),
        boot=driver.boot and _Boot(driver.boot, check),
        media=driver.media and _Media(driver.media, check),
        secure_boot=driver.secure_boot and _SecureBoot(driver.secure_boot, check),
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

    async def set_next(self, target: BootTarget, mode: BootMode) -> None:
        self.check()
        await self.inner.set_next(target, mode)

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

    async def set(self, enabled: bool) -> None:
        self.check()
        await self.inner.set(enabled)
