"""Deleting and making RAID volumes so that a resume goes on where it was left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bmctl.drivers.abilities import Raid
from bmctl.errors import BmctlError
from bmctl.model.controller import Started
from bmctl.model.raid import RaidConfig, Volume
from bmctl.ports import Ports
from bmctl.steps.controller_tasks import TaskFailedError, task_end
from bmctl.steps.patience import Patience
from bmctl.steps.raid_layout import lay_out
from bmctl.steps.restarting import Look, restart, restore_power, seen

# A large volume is built in the background; what is waited for is that it is there.
BUDGET = 3600.0
_TASKS = "raid tasks"
_DELETED = "raid volumes deleted"


@dataclass(frozen=True, slots=True)
class _Order:
    """One change that a controller is asked for; `what` names it for a person."""

    what: str
    begin: Callable[[], Awaitable[Started]]


async def replace_volumes(ports: Ports, raid: Raid, config: RaidConfig, *, patience: Patience) -> None:
    """Leave exactly these volumes, new ones; that the old are gone is remembered for a resume."""
    await _end_earlier(ports, patience)
    if ports.record.get(_DELETED) is None:
        lay_out(config, await raid.look(), keep=False)
        await delete_volumes(ports, raid, patience=patience)
        ports.record.put(_DELETED, True)
    await create_volumes(ports, raid, config, patience=patience)
    ports.record.put(_DELETED, None)


async def delete_volumes(ports: Ports, raid: Raid, *, patience: Patience) -> None:
    """Leave no volume at any controller."""
    await _end_earlier(ports, patience)
    volumes = await _volumes(raid)
    orders = [
        _Order(f"delete RAID volume {volume.name or volume.path}", partial(raid.delete, volume))
        for volume in volumes
    ]

    async def gone() -> bool:
        return not {volume.path for volume in volumes} & {other.path for other in await _volumes(raid)}

    await _carry_out(ports, orders, gone, patience)
    ports.evidence.see("RAID volumes", "deleted")


async def create_volumes(ports: Ports, raid: Raid, config: RaidConfig, *, patience: Patience) -> None:
    """Leave these volumes there beside what there is; those that exist are not made again."""
    await _end_earlier(ports, patience)
    before = await raid.look()
    orders = [
        _Order(f"create RAID {volume.level} volume {volume.name or number}", partial(raid.create, volume))
        for number, volume in enumerate(lay_out(config, before, keep=True), 1)
    ]
    known = {volume.path for controller in before for volume in controller.volumes}

    async def there() -> bool:
        return len({volume.path for volume in await _volumes(raid)} - known) >= len(orders)

    await _carry_out(ports, orders, there, patience)
    ports.evidence.see("RAID volumes", f"{len(config.logical_disks)} as asked for")


async def _carry_out(ports: Ports, orders: list[_Order], done: Look, patience: Patience) -> None:
    """Ask for one change after the other, and wait until all are so.

    What waits for a restart of the machine is asked for together, and gets one restart.
    """
    later = False
    for order in orders:
        ports.evidence.see("RAID", order.what)
        begun = await order.begin()
        later = later or begun.after_restart
        if begun.task is not None:
            ports.record.put(_TASKS, [*_tasks(ports), {"task": begun.task, "what": order.what}])
        if not begun.after_restart:
            await _end_tasks(ports, patience)
    if later:
        await restart(ports, patience=patience)
    await _end_tasks(ports, patience)
    if orders and not await seen(ports, "RAID volumes", done, within=patience.apply, patience=patience):
        raise BmctlError(
            f"{orders[-1].what}: it does not show {patience.apply:g} s after the controller took it on",
            hint="look for a pending job on the controller's web page",
        )
    await restore_power(ports)


async def _end_tasks(ports: Ports, patience: Patience) -> None:
    """Wait for the tasks that were begun; the journal forgets each once it has ended, well or not."""

    async def nudge() -> None:
        await restart(ports, patience=patience)

    while tasks := _tasks(ports):
        first, rest = tasks[0], tasks[1:]
        try:
            await task_end(
                ports, first["task"], what=first["what"], within=BUDGET, patience=patience, nudge=nudge
            )
        except TaskFailedError:
            ports.record.put(_TASKS, rest)
            raise
        ports.record.put(_TASKS, rest)


async def _end_earlier(ports: Ports, patience: Patience) -> None:
    """Wait for what an earlier process began; how it ended is seen by the volumes that there are."""
    while _tasks(ports):
        ports.note("taking up the RAID controller's work where it was left")
        try:
            await _end_tasks(ports, patience)
        except TaskFailedError as error:
            ports.note(f"it did not end well: {error.message}")


def _tasks(ports: Ports) -> list[dict[str, str]]:
    return list(ports.record.get(_TASKS) or ())


async def _volumes(raid: Raid) -> tuple[Volume, ...]:
    return tuple(volume for controller in await raid.look() for volume in controller.volumes)
