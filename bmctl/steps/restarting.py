"""Restarts of the machine that make changes come true, and the waiting for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bmctl.errors import BmctlError, RefusedError, UnreachableError
from bmctl.model.firmware import BootTarget, PowerAction, PowerState
from bmctl.ports import Ports
from bmctl.steps.patience import Patience

Look = Callable[[], Awaitable[bool]]

# How the machine was before the first restart; kept so that a resume restores that, not what it finds.
_FOUND = "before the restart"
# What a ramdisk has not written yet is on its disks within this time, or the disks are gone.
_FLUSH = 60.0
# An agent that is up answers at once, or is busy with a command for a moment.
_ANSWER = 10.0


async def come_true(ports: Ports, what: str, done: Look, *, patience: Patience) -> None:
    """Restart the machine if that is what it takes until `done`; leave the power as it was found.

    Raises `BmctlError` that begins with `what` ("the boot mode is not uefi") where it does not come true.
    """
    if not await done():
        await restart(ports, patience=patience)
        if not await seen(ports, what, done, within=patience.apply, patience=patience):
            raise BmctlError(
                f"{what} {patience.apply:g} s after the machine restarted",
                hint="look for a pending job on the controller's web page, and at the machine's console",
            )
    await restore_power(ports)


async def restart(ports: Ports, *, patience: Patience) -> None:
    """Leave the machine on, started anew, and remember how it was before.

    Where this run's ramdisk was up, that is booted again, and not the system on the disk.
    """
    state = await ports.driver.power.state()
    if ports.record.get(_FOUND) is None:
        ports.record.put(_FOUND, {"power": state.value, "ramdisk": await _ramdisk_is_up(ports)})
    found = ports.record.get(_FOUND)
    if state is not PowerState.OFF:
        await _stop(ports, patience, ramdisk=found["ramdisk"])
    if found["ramdisk"] and ports.driver.boot is not None:
        await ports.driver.boot.set_next(BootTarget.CD, ports.node.boot_mode)
    ports.note("starting the machine, so that the change comes true")
    await ports.driver.power.set(PowerAction.ON)


def is_restarting(ports: Ports) -> bool:
    """Whether a restart has begun, by this or an earlier process, after which the power is to be restored."""
    return ports.record.get(_FOUND) is not None


async def restore_power(ports: Ports) -> None:
    """Leave the machine as it was before the first restart; a cut may have come while it was off."""
    found = ports.record.get(_FOUND)
    if found is None:
        return
    was_off = found["power"] == PowerState.OFF.value
    await ports.driver.power.set(PowerAction.OFF if was_off else PowerAction.ON)
    ports.record.put(_FOUND, None)


async def seen(ports: Ports, what: str, done: Look, *, within: float, patience: Patience) -> bool:
    """Whether `done` came true in time. A controller that is busy with it may not answer meanwhile."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while True:
        try:
            if await done():
                return True
        except RefusedError:
            raise
        except UnreachableError:
            if loop.time() - start > within:
                raise
        waited = loop.time() - start
        if waited > within:
            return False
        ports.progress(what, done=round(waited), total=within, unit="s")
        await asyncio.sleep(patience.look)


async def _ramdisk_is_up(ports: Ports) -> bool:
    """Whether the agent that this run met answers; it may have made way for the deployed system."""
    if ports.record.get("agent") is None:
        return False
    try:
        await ports.agent.status(timeout=_ANSWER)
    except BmctlError:
        return False
    return True


async def _stop(ports: Ports, patience: Patience, *, ramdisk: bool) -> None:
    """Leave the machine off; what runs on it may finish writing."""
    if ramdisk:
        try:
            await ports.agent.call("standby.sync", {}, timeout=_FLUSH)
        except BmctlError as error:
            ports.note(f"the ramdisk's agent did not answer before the restart: {error.message}")
        await ports.driver.power.set(PowerAction.OFF)
        return
    try:
        await ports.driver.power.set(PowerAction.SOFT_OFF, timeout=patience.shutdown)
    except BmctlError as error:
        ports.note(f"switching the machine off, as it did not shut down by itself: {error.message}")
        await ports.driver.power.set(PowerAction.OFF)
