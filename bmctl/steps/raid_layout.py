"""Which disks the volumes go on that are asked for; nothing is spoken to here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from bmctl.errors import InvalidError
from bmctl.model.raid import (
    FEWEST_DISKS,
    LogicalDisk,
    NewVolume,
    PhysicalDisk,
    RaidConfig,
    RaidController,
    RaidLevel,
    Volume,
)

GIB = 2**30
# How much a controller may round a volume's size.
_ROUNDING = GIB // 2
_EVEN = frozenset({RaidLevel.RAID10, RaidLevel.RAID50, RaidLevel.RAID60})


def lay_out(
    config: RaidConfig, controllers: tuple[RaidController, ...], *, keep: bool
) -> tuple[NewVolume, ...]:
    """The volumes to make, in the order asked for.

    With `keep` the volumes that exist stay, and one that is as asked for is not made again; without,
    they are taken to be gone. Disks that are asked for by name are never given to another volume.
    Raises `InvalidError` that names the first volume which cannot be.
    """
    standing = [volume for controller in controllers for volume in controller.volumes] if keep else []
    used = {disk for volume in standing for disk in volume.disks}
    places = [_place(number, logical, controllers) for number, logical in enumerate(config.logical_disks, 1)]
    missing = [place for place in places if place not in _met(places, standing)]
    for place in missing:
        _refuse_used(place, used)
        used |= set(place.named)
    volumes = []
    for place in missing:
        disks = place.named or _chosen(place, used)
        used |= set(disks)
        volumes.append(_new(place, disks))
    return tuple(volumes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a volume that is asked for goes; `named` are the paths of disks that it must have."""

    number: int
    logical: LogicalDisk
    controller: RaidController
    named: tuple[str, ...]


def _place(number: int, logical: LogicalDisk, controllers: tuple[RaidController, ...]) -> _Place:
    controller = _controller(number, logical, controllers)
    _refuse_level(number, logical, controller)
    named = _named(number, logical, controller)
    return _Place(number=number, logical=logical, controller=controller, named=named)


def _met(places: list[_Place], standing: list[Volume]) -> list[_Place]:
    """Those for which there is a volume, each volume counted once; the pickiest choose first."""
    left, met = list(standing), []
    for place in sorted(places, key=lambda place: (place.logical.size_gb == "MAX", not place.named)):
        if (fit := next((volume for volume in left if _is_as_asked(volume, place)), None)) is not None:
            left.remove(fit)
            met.append(place)
    return met


def capacity(level: RaidLevel, sizes: Iterable[int]) -> int:
    """How many bytes of data fit on disks of these sizes, as far as they are all used alike."""
    found = tuple(sizes)
    each, number = min(found), len(found)
    match level:
        case RaidLevel.RAID0:
            data = number
        case RaidLevel.RAID1:
            data = 1
        case RaidLevel.RAID5:
            data = number - 1
        case RaidLevel.RAID6 | RaidLevel.RAID50:
            data = number - 2
        case RaidLevel.RAID10:
            data = number // 2
        case RaidLevel.RAID60:
            data = number - 4
    return each * data


def _controller(number: int, logical: LogicalDisk, controllers: tuple[RaidController, ...]) -> RaidController:
    if logical.controller is not None:
        for controller in controllers:
            if logical.controller in {controller.id, controller.name}:
                return controller
        raise _unknown(number, "RAID controller", logical.controller, [found.id for found in controllers])
    holding = [found for found in controllers if set(logical.physical_disks) & _names(found.disks)]
    candidates = holding or list(controllers)
    if len(candidates) != 1:
        ids = ", ".join(found.id for found in candidates) or "none"
        raise InvalidError(
            f"logical disk {number}: it must be said which RAID controller (there are {ids})",
            hint="give the logical disk a controller:",
        )
    return candidates[0]


def _refuse_level(number: int, logical: LogicalDisk, controller: RaidController) -> None:
    if controller.levels and logical.raid_level not in controller.levels:
        raise InvalidError(
            f"logical disk {number}: RAID controller {controller.id} cannot do RAID {logical.raid_level} "
            f"(it offers {', '.join(controller.levels)})"
        )


def _named(number: int, logical: LogicalDisk, controller: RaidController) -> tuple[str, ...]:
    """The paths of the disks that are asked for by id or name."""
    paths = {name: disk.path for disk in controller.disks for name in (disk.id, disk.name) if name}
    for name in logical.physical_disks:
        if name not in paths:
            raise _unknown(number, "disk", name, [disk.id for disk in controller.disks])
    named = tuple(paths[name] for name in logical.physical_disks)
    if named and len(set(named)) < FEWEST_DISKS[logical.raid_level]:
        raise _too_few(number, logical.raid_level, len(set(named)))
    return named


def _refuse_used(place: _Place, used: set[str]) -> None:
    ids = {disk.path: disk.id for disk in place.controller.disks}
    if taken := [ids[path] for path in place.named if path in used]:
        raise InvalidError(
            f"logical disk {place.number}: {', '.join(taken)} is in another volume",
            hint="delete that volume before, or leave out physical_disks: to have free disks chosen",
        )


def _chosen(place: _Place, used: set[str]) -> tuple[str, ...]:
    """As few free disks as will do, and of those the smallest."""
    number, logical = place.number, place.logical
    free = [disk for disk in place.controller.disks if disk.path not in used]
    fitting = [disk for disk in free if logical.disk_type in {None, disk.type}]
    fitting.sort(key=lambda disk: (disk.size, disk.path))
    for count in _counts(logical, len(fitting)):
        for start in range(len(fitting) - count + 1):
            window = fitting[start : start + count]
            if _is_enough(logical, window):
                return tuple(disk.path for disk in window)
    if len(fitting) < (logical.number_of_physical_disks or FEWEST_DISKS[logical.raid_level]):
        raise _too_few(number, logical.raid_level, len(fitting), asked=logical.number_of_physical_disks)
    raise InvalidError(
        f"logical disk {number}: {len(fitting)} free disks are too small for {logical.size_gb} GiB "
        f"as RAID {logical.raid_level}"
    )


def _counts(logical: LogicalDisk, available: int) -> Iterable[int]:
    fewest = FEWEST_DISKS[logical.raid_level]
    if (asked := logical.number_of_physical_disks) is not None:
        return range(asked, asked + 1) if fewest <= asked <= available else ()
    # RAID 1 of more disks holds no more.
    most = fewest if logical.raid_level is RaidLevel.RAID1 else available
    return range(fewest, min(most, available) + 1, 2 if logical.raid_level in _EVEN else 1)


def _is_enough(logical: LogicalDisk, disks: list[PhysicalDisk]) -> bool:
    """Whether the disks hold it; a size that is not told is taken on trust."""
    if logical.size_gb == "MAX" or any(not disk.size for disk in disks):
        return True
    return capacity(logical.raid_level, (disk.size for disk in disks)) >= logical.size_gb * GIB


def _is_as_asked(volume: Volume, place: _Place) -> bool:
    """Whether a volume that exists is the one that is asked for, as far as the controller tells."""
    logical, named = place.logical, place.named
    return (
        volume in place.controller.volumes
        and volume.level in {None, logical.raid_level}
        and (logical.volume_name is None or volume.name == logical.volume_name)
        and (logical.size_gb == "MAX" or abs(volume.size - logical.size_gb * GIB) <= _ROUNDING)
        and (not named or not volume.disks or set(volume.disks) == set(named))
        and logical.number_of_physical_disks in {None, len(volume.disks) or logical.number_of_physical_disks}
    )


def _new(place: _Place, disks: tuple[str, ...]) -> NewVolume:
    logical = place.logical
    return NewVolume(
        controller=place.controller.path,
        level=logical.raid_level,
        disks=disks,
        size=None if logical.size_gb == "MAX" else logical.size_gb * GIB,
        name=logical.volume_name,
    )


def _names(disks: Iterable[PhysicalDisk]) -> set[str]:
    return {name for disk in disks for name in (disk.id, disk.name)}


def _too_few(number: int, level: RaidLevel, found: int, *, asked: int | None = None) -> InvalidError:
    wanted = max(asked or 0, FEWEST_DISKS[level])
    return InvalidError(f"logical disk {number}: RAID {level} needs {wanted} disks, there are {found}")


def _unknown(number: int, what: str, name: str, known: list[str]) -> InvalidError:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f", did you mean {close[0]}" if close else ""
    listed = ", ".join(known) or "none"
    return InvalidError(f"logical disk {number}: there is no {what} {name}{meant} (there are {listed})")
