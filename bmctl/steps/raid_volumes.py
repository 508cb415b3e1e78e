"""Deleting and making RAID volumes so that a resume goes on where it was left."""

from __future__ import annotations

from bmctl.drivers.abilities import Raid
from bmctl.errors import BmctlError
from bmctl.model.controller import Started
from bmctl.model.raid import NewVolume, RaidConfig, Volume
from bmctl.ports import Ports
from bmctl.steps.controller_tasks import task_end
from bmctl.steps.patience import Patience
from bmctl.steps.raid_layout import lay_out
from bmctl.steps.restarting import Look, restart, restore_power, seen

# A large volume is built in the background; what is waited for is that it is there.
BUDGET = 3600.0
_TASK = "raid task"
_DELETED = "raid volumes deleted"


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
    for volume in await _volumes(raid):
        ports.evidence.see("RAID volume", f"deleting {volume.name or volume.path}")
        begun = await raid.delete(volume)

        async def gone(volume: Volume = volume) -> bool:
            return volume.path not in {other.path for other in await _volumes(raid)}

        await _end(ports, begun, f"delete RAID volume {volume.name or volume.path}", gone, patience)
    await restore_power(ports)
    ports.evidence.see("RAID volumes", "deleted")


async def create_volumes(ports: Ports, raid: Raid, config: RaidConfig, *, patience: Patience) -> None:
    """Leave these volumes there beside what there is; those that exist are not made again."""
    await _end_earlier(ports, patience)
    for number, volume in enumerate(lay_out(config, await raid.look(), keep=True), 1):
        await _create(
            ports, raid, volume, f"create RAID {volume.level} volume {volume.name or number}", patience
        )
    await restore_power(ports)
    ports.evidence.see("RAID volumes", f"{len(config.logical_disks)} as asked for")


async def _create(ports: Ports, raid: Raid, volume: NewVolume, what: str, patience: Patience) -> None:
    before = {other.path for other in await _volumes(raid)}
    ports.evidence.see("RAID volume", what)
    begun = await raid.create(volume)

    async def there() -> bool:
        return bool({other.path for other in await _volumes(raid)} - before)

    await _end(ports, begun, what, there, patience)


async def _end(ports: Ports, begun: Started, what: str, done: Look, patience: Patience) -> None:
    """Wait until it is so, with a restart of the machine where that is what the controller waits for."""
    if begun.task is not None:
        ports.record.put(_TASK, {"task": begun.task, "what": what})
    if begun.after_restart:
        await restart(ports, patience=patience)
    await _end_task(ports, patience)
    if not await seen(ports, what, done, within=patience.apply, patience=patience):
        raise BmctlError(
            f"{what}: nothing of it shows {patience.apply:g} s after the controller took it on",
            hint="look for a pending job on the controller's web page",
        )


async def _end_task(ports: Ports, patience: Patience) -> None:
    remembered = ports.record.get(_TASK)
    if remembered is None:
        return

    async def nudge() -> None:
        await restart(ports, patience=patience)

    try:
        await task_end(
            ports, remembered["task"], what=remembered["what"], within=BUDGET, patience=patience, nudge=nudge
        )
    finally:
        ports.record.put(_TASK, None)


async def _end_earlier(ports: Ports, patience: Patience) -> None:
    """Wait for what an earlier process began; how it ended is seen by the volumes that there are."""
    if ports.record.get(_TASK) is None:
        return
    ports.note("taking up the RAID controller's work where it was left")
    try:
        await _end_task(ports, patience)
    except BmctlError as error:
        ports.note(f"it did not end well: {error.message}")


async def _volumes(raid: Raid) -> tuple[Volume, ...]:
    return tuple(volume for controller in await raid.look() for volume in controller.volumes)
