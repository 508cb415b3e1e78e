"""Tidy up after a run that ended early: nothing inserted, no override, the ramdisk switched off."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.errors import BmctlError
from bmctl.model.firmware import PowerAction
from bmctl.ports import Ports

# The journal's fact of how the machine was left, where tidying up or restoring had the last word.
POWER_AFTER = "power after"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseMachine:
    """Whether a machine that runs the ramdisk is left running, for somebody to look at."""

    leave_running: bool = False


async def release_machine(ports: Ports, args: ReleaseMachine) -> None:
    """Leave the controller clean; every part is tried, and the first failure is told."""
    failures = []
    for part in _parts(ports, args):
        try:
            await part
        except BmctlError as error:
            failures.append(error)
    ports.shelf.withdraw(ports.medium.name)
    if failures:
        raise failures[0]


def _parts(ports: Ports, args: ReleaseMachine) -> Iterator[Awaitable[None]]:
    # Once the deployed system was started, it is no longer the ramdisk that runs.
    started = "deploy.boot_instance" in ports.record.marks
    if not args.leave_running and not started:
        yield _switch_off(ports)
    if ports.driver.media is not None:
        yield ports.driver.media.eject()
    if ports.driver.boot is not None:
        yield ports.driver.boot.clear()


async def _switch_off(ports: Ports) -> None:
    await ports.driver.power.set(PowerAction.OFF)
    ports.record.put(POWER_AFTER, "off")


STEP = Step(
    interface="deploy",
    name="release_machine",
    title="tidy up",
    args=ReleaseMachine,
    run=release_machine,
    budget=180,
)
