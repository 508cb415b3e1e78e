"""See that no other disk of the machine carries the image's names, by which the wrong one could be taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.images.duplicates import Duplicate, duplicates
from bmctl.images.filesystems import read_filesystems
from bmctl.images.partitions import read_partitions
from bmctl.model.node import DuplicateFilesystems
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.listing import run_listed_step
from bmctl.steps.look_at_disks import look_at_disks, remembered_disks
from bmctl.steps.offered import is_offered

PRIORITY = 80
BUDGET = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDuplicates:
    """What to do about what other disks share with the image; `config_drive` says whether one is written."""

    policy: DuplicateFilesystems
    config_drive: bool


async def check_duplicates(ports: Ports, args: CheckDuplicates) -> None:
    """Leave the disk that the image goes to as the only one with the image's names.

    Needs `agent.look_at_disks` before it. Raises `BmctlError` where another disk has one of them and the
    policy is to refuse, or where it cannot be wiped.
    """
    found = _find(ports, args)
    if not found:
        return
    for duplicate in found:
        ports.warn(str(duplicate))
    match args.policy:
        case DuplicateFilesystems.IGNORE:
            return
        case DuplicateFilesystems.REFUSE:
            raise _refused(found)
        case DuplicateFilesystems.WIPE:
            await _wipe(ports, found)
    if left := _find(ports, args):
        raise BmctlError(f"still after wiping: {left[0].summary}", hint="unplug the disk, or wipe it by hand")


def _find(ports: Ports, args: CheckDuplicates) -> tuple[Duplicate, ...]:
    image, target = ports.record.get("image"), ports.record.get("disk")["name"]
    disks = remembered_disks(ports)
    if all(disk.name == target for disk in disks):
        return ()
    path = Path(image["path"])
    return duplicates(
        read_filesystems(path, read_partitions(path, name=f"image {image['name']}")),
        disks,
        target,
        config_drive=args.config_drive,
    )


def _refused(found: Sequence[Duplicate]) -> BmctlError:
    more = f", and {len(found) - 1} more like it" if len(found) > 1 else ""
    return BmctlError(
        f"{found[0].summary}{more}: the machine could start or mount the wrong one",
        hint="wipe or unplug that disk, or set duplicate_filesystems: wipe (or ignore) for the node",
    )


async def _wipe(ports: Ports, found: Sequence[Duplicate]) -> None:
    """Make what is on the disks of duplicates unknown, and look again."""
    if not is_offered(ports, "erase_signatures"):
        raise BmctlError(
            f"{found[0].summary}, and this ramdisk cannot wipe one disk alone",
            hint="use the ramdisk of bmctl ramdisk build, or erase the machine's disks: bmctl clean",
        )
    for disk in dict.fromkeys(duplicate.disk for duplicate in found):
        ports.warn(f"wiping {disk.title}: {disk.summary}")
        await run_listed_step(
            ports,
            StepKind.DEPLOY,
            interface="deploy",
            name="erase_signatures",
            priority=PRIORITY,
            arguments={"disk": disk.name, "size": disk.size},
            timeout=BUDGET,
            part=disk.name,
        )
    await look_at_disks(ports, NoArgs())


STEP = Step(
    interface="deploy",
    name="check_duplicates",
    title="check the other disks",
    args=CheckDuplicates,
    run=check_duplicates,
    budget=BUDGET + 300,
    typical=1,
    needs_ramdisk=True,
)
