"""A machine in memory with a controller that can be told to fail: for tests and for trying bmctl out.

`fake:NAME` is a machine that lives as long as the process; `fake:NAME?fault=media.insert:unreachable:2`
is one whose next two insertions fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from bmctl.drivers.abilities import Access, Description, Driver
from bmctl.drivers.fake_settings import ABILITIES, Settings, equipped
from bmctl.errors import BmctlError, InvalidError, RefusedError, UnreachableError
from bmctl.model.firmware import BootMode, BootTarget, PowerAction, PowerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong in one call (`power.set`, `media.insert`, `session.open`, ...).

    It happens `times` times after `after` good calls. With `effect` the call does its work before
    it fails, as when only the answer is lost. `delay` is in seconds; without an error it is all.
    """

    call: str
    error: BmctlError | None = None
    times: int = 1
    after: int = 0
    delay: float = 0.0
    effect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What the machine booted when it was switched on; `image` is the URL in its drive, if that was it."""

    target: BootTarget | None
    mode: BootMode
    image: str | None = None


@dataclass(slots=True, kw_only=True)
class FakeMachine:
    """The machine: what a test looks at and sets up. `booted` is called at each boot."""

    name: str
    faults: list[Fault] = field(default_factory=list)
    power: PowerState = PowerState.OFF
    mode: BootMode = BootMode.UEFI
    override: BootTarget | None = None
    persistent: bool = False
    image: str | None = None
    settings: Settings = field(default_factory=Settings)
    macs: tuple[str, ...] = ()
    boots: list[Boot] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    sessions: int = 0
    booted: Callable[[Boot], None] | None = None

    @asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[None]:
        """Note the call, and let it fail where it is scripted to."""
        number = self.calls.count(name)
        self.calls.append(name)
        fault = self._fault(name, number)
        await asyncio.sleep(fault.delay if fault else 0)
        if fault and fault.error and not fault.effect:
            raise _again(fault.error)
        yield
        if fault and fault.error:
            raise _again(fault.error)

    def switch_on(self) -> None:
        """Start the machine: it boots what it was told to, once, else its disk."""
        if self.power is PowerState.ON:
            return
        self.power = PowerState.ON
        image = self.image if self.override is BootTarget.CD else None
        boot = Boot(target=self.override, mode=self.mode, image=image)
        if not self.persistent:
            self.override = None
        self.settings.restart()
        self.boots.append(boot)
        if self.booted:
            self.booted(boot)

    def switch_off(self) -> None:
        """Stop the machine, as its own system does when it powers off."""
        self.power = PowerState.OFF

    def _fault(self, name: str, number: int) -> Fault | None:
        return next(
            (
                fault
                for fault in self.faults
                if fault.call == name and fault.after <= number < fault.after + fault.times
            ),
            None,
        )


class _FakeSession:
    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine
        self._before = len(machine.calls)
        self._open = True

    @property
    def requests(self) -> int:
        """How many calls were made since the session was opened."""
        return len(self._machine.calls) - self._before

    async def close(self) -> None:
        if self._open:
            self._open = False
            self._machine.sessions -= 1


class _FakePower:
    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine

    async def state(self) -> PowerState:
        async with self._machine.call("power.state"):
            return self._machine.power

    async def set(self, action: PowerAction, *, timeout: float = 120.0) -> None:  # noqa: ARG002  it takes no time
        async with self._machine.call("power.set"):
            if action is not PowerAction.ON:
                self._machine.switch_off()
            if action in {PowerAction.ON, PowerAction.REBOOT, PowerAction.SOFT_REBOOT}:
                self._machine.switch_on()


class _FakeBoot:
    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine

    async def set_next(self, target: BootTarget, mode: BootMode, *, persistent: bool = False) -> None:
        async with self._machine.call("boot.set_next"):
            self._machine.override, self._machine.mode = target, mode
            self._machine.persistent = persistent

    async def clear(self) -> None:
        async with self._machine.call("boot.clear"):
            self._machine.override, self._machine.persistent = None, False


class _FakeMedia:
    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine

    async def insert(self, url: str) -> None:
        async with self._machine.call("media.insert"):
            self._machine.image = url

    async def eject(self) -> None:
        async with self._machine.call("media.eject"):
            self._machine.image = None

    async def inserted(self) -> tuple[str, ...]:
        async with self._machine.call("media.inserted"):
            return (self._machine.image,) if self._machine.image is not None else ()


class _FakeIntrospection:
    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine

    async def describe(self) -> Description:
        async with self._machine.call("introspection.describe"):
            return Description(
                protocol="fake",
                manufacturer="bmctl",
                model="machine in memory",
                serial=self._machine.name,
                power=self._machine.power,
                boot_mode=self._machine.mode,
                secure_boot=self._machine.settings.secure_boot_state,
                macs=self._machine.macs,
                boot_targets=tuple(BootTarget),
                media_slots=("Cd",),
                abilities=ABILITIES,
            )


_MACHINES: dict[str, FakeMachine] = {}


def machine_at(address: str) -> FakeMachine:
    """The machine at an address like `fake:n1`, made when it is first asked for.

    Raises `InvalidError` where the address is none.
    """
    if address not in _MACHINES:
        parts = urlsplit(address)
        if parts.scheme != "fake" or not parts.path:
            raise InvalidError(f"{address} is not the address of a fake machine", hint="write fake:NAME")
        faults = [_parse(text) for text in parse_qs(parts.query).get("fault", ())]
        _MACHINES[address] = FakeMachine(name=parts.path, faults=faults)
    return _MACHINES[address]


def forget_machines() -> None:
    """Let every fake machine go, so that addresses start anew."""
    _MACHINES.clear()


async def build(access: Access) -> Driver:
    """Open a session with the machine at the address."""
    machine = machine_at(access.address)
    async with machine.call("session.open"):
        machine.sessions += 1
    return driver_of(machine)


def driver_of(machine: FakeMachine) -> Driver:
    """The abilities of a machine; whoever calls this has opened the session."""
    driver = Driver(
        session=_FakeSession(machine),
        power=_FakePower(machine),
        introspection=_FakeIntrospection(machine),
        boot=_FakeBoot(machine),
        media=_FakeMedia(machine),
    )
    return equipped(driver, machine)


_KINDS: dict[str, type[BmctlError]] = {
    "unreachable": UnreachableError,
    "refused": RefusedError,
    "failed": BmctlError,
}


def _parse(text: str) -> Fault:
    """A fault from an address: `CALL:KIND` or `CALL:KIND:TIMES`."""
    call, _, rest = text.partition(":")
    kind, _, times = rest.partition(":")
    if not call or kind not in _KINDS or (times and not times.isdecimal()):
        known = ", ".join(_KINDS)
        raise InvalidError(
            f"{text} is not a fault", hint=f"write CALL:KIND:TIMES, where KIND is one of {known}"
        )
    error = _KINDS[kind](f"the fake controller was told to fail in {call}")
    return Fault(call=call, error=error, times=int(times or 1))


def _again(error: BmctlError) -> BmctlError:
    """A new error of the same kind, so that each has its own traceback."""
    return type(error)(error.message, hint=error.hint)
