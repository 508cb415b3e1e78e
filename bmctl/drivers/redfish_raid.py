"""Volumes of RAID controllers through Redfish's Storage and Volume (DMTF DSP0268)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bmctl.drivers.redfish_conversation import Conversation, link
from bmctl.drivers.redfish_tasks import started_by
from bmctl.errors import RefusedError
from bmctl.model.controller import Started
from bmctl.model.raid import DiskType, NewVolume, PhysicalDisk, RaidController, RaidLevel, Volume

_TYPES = {
    RaidLevel.RAID0: "RAID0",
    RaidLevel.RAID1: "RAID1",
    RaidLevel.RAID5: "RAID5",
    RaidLevel.RAID6: "RAID6",
    RaidLevel.RAID10: "RAID10",
    RaidLevel.RAID50: "RAID50",
    RaidLevel.RAID60: "RAID60",
}
# What services called it before there was `RAIDType` (Volume 1.3.1).
_OLD_TYPES = {
    RaidLevel.RAID0: "NonRedundant",
    RaidLevel.RAID1: "Mirrored",
    RaidLevel.RAID5: "StripedWithParity",
    RaidLevel.RAID6: "StripedWithParity",
    RaidLevel.RAID10: "SpannedMirrors",
    RaidLevel.RAID50: "SpannedStripesWithParity",
    RaidLevel.RAID60: "SpannedStripesWithParity",
}
_LEVELS = {name: level for level, name in _TYPES.items()}
# RAID 5 and RAID 50 come first in the table above, so an old name that may be either means those.
_OLD_LEVELS = {name: level for level, name in reversed(_OLD_TYPES.items())}
_MEDIA = {"HDD": DiskType.HDD, "SSD": DiskType.SSD}
_APPLY_TIME = "@Redfish.OperationApplyTime"
_APPLY_TIMES = "@Redfish.OperationApplyTimeSupport"
_AT_ONCE, _ON_RESET = "Immediate", "OnReset"
# Making a volume may take a controller this long, when it does it before it answers.
_PATIENCE = 300.0


class RedfishRaid:
    """Shows the system's RAID controllers with their disks and volumes; makes and deletes volumes."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._apply_times: dict[str, str | None] = {}
        self._disks: dict[str, PhysicalDisk] = {}

    async def look(self) -> tuple[RaidController, ...]:
        """All controllers that have volumes; a request for each controller, volume and new disk."""
        return await self._conversation.call("list its RAID volumes", self._look)

    async def create(self, volume: NewVolume) -> Started:
        """Ask for a volume; where the answer is lost, look for the volume before asking again."""
        doing = "create a RAID volume"
        before = await self._conversation.call(doing, lambda: self._volume_paths(volume.controller))
        begun = Started()

        def send() -> None:
            nonlocal begun
            path, body, later = self._order(volume)
            begun = started_by(self._conversation.post(path, body), after_restart=later)

        def made() -> bool:
            return bool(set(self._volume_paths(volume.controller)) - set(before))

        await self._conversation.change(doing, send, done=made, reading=_PATIENCE)
        return begun

    async def delete(self, volume: Volume) -> Started:
        """Ask for a volume to be gone; one that is gone already is fine."""
        doing = f"delete RAID volume {volume.name or volume.path}"
        begun = Started()

        def send() -> None:
            nonlocal begun
            later = self._apply_time(volume.path.rpartition("/")[0]) == _ON_RESET
            begun = started_by(self._conversation.delete(volume.path), after_restart=later)

        def gone() -> bool:
            return volume.path not in self._volume_paths_beside(volume.path)

        await self._conversation.change(doing, send, done=gone, reading=_PATIENCE)
        return begun

    def _look(self) -> tuple[RaidController, ...]:
        return tuple(self._controller(path, document) for path, document in storages(self._conversation))

    def _controller(self, path: str, document: Mapping[str, Any]) -> RaidController:
        disks = _paths(document.get("Drives"))
        return RaidController(
            path=path,
            id=str(document.get("Id") or path.rpartition("/")[2]),
            name=str(document.get("Name") or ""),
            levels=levels_of(self._conversation, document),
            disks=tuple(self._disk(disk) for disk in disks),
            volumes=tuple(
                _volume(volume, self._conversation.document(volume)) for volume in self._volume_paths(path)
            ),
        )

    def _disk(self, path: str) -> PhysicalDisk:
        """A disk, read once: there may be dozens, and volumes are looked at many times."""
        if path not in self._disks:
            self._disks[path] = _disk(path, self._conversation.document(path))
        return self._disks[path]

    def _collection(self, controller: str) -> str:
        path = link(self._conversation.document(controller), "Volumes")
        if path is None:
            raise RefusedError(f"the storage {controller.rpartition('/')[2]} has no volumes")
        return path

    def _volume_paths(self, controller: str) -> tuple[str, ...]:
        return self._members(self._collection(controller))

    def _volume_paths_beside(self, volume: str) -> tuple[str, ...]:
        return self._members(volume.rstrip("/").rpartition("/")[0])

    def _members(self, path: str) -> tuple[str, ...]:
        document = self._conversation.document(path)
        self._apply_times[path] = _apply_time(document)
        return _paths(document.get("Members"))

    def _apply_time(self, collection: str) -> str | None:
        """When the collection does what it is asked for, where it has a say in that."""
        if collection not in self._apply_times:
            self._members(collection)
        return self._apply_times[collection]

    def _order(self, volume: NewVolume) -> tuple[str, dict[str, Any], bool]:
        """Where to post what, and whether it comes true at the next restart only."""
        path = self._collection(volume.controller)
        document = self._conversation.document(volume.controller)
        body: dict[str, Any] = {
            "RAIDType": _TYPES[volume.level],
            "Links": {"Drives": [{"@odata.id": disk} for disk in volume.disks]},
        }
        if not levels_of(self._conversation, document):
            body["VolumeType"] = _OLD_TYPES[volume.level]
        if volume.size is not None:
            body["CapacityBytes"] = volume.size
        if volume.name is not None:
            body["Name"] = volume.name
        when = self._apply_time(path)
        if when is not None:
            body[_APPLY_TIME] = when
        return path, body, when == _ON_RESET


def storages(conversation: Conversation) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The system's storage that can have volumes, as path and document. Blocks."""
    collection = conversation.part(link(conversation.system.json, "Storage")) or {}
    found = ((path, conversation.part(path)) for path in _paths(collection.get("Members")))
    return tuple((path, document) for path, document in found if document and link(document, "Volumes"))


def levels_of(conversation: Conversation, document: Mapping[str, Any]) -> tuple[RaidLevel, ...]:
    """The levels that a storage's controllers tell they can, empty where they do not. Blocks.

    They stand in the storage, or from Storage 1.7.1 on in controllers of its own.
    """
    controllers = list(document.get("StorageControllers") or ())
    if path := link(document, "Controllers"):
        members = _paths((conversation.part(path) or {}).get("Members"))
        controllers += [found for member in members if (found := conversation.part(member))]
    told = {name for controller in controllers for name in controller.get("SupportedRAIDTypes") or ()}
    return tuple(level for name, level in _LEVELS.items() if name in told)


def _apply_time(collection: Mapping[str, Any]) -> str | None:
    values = (collection.get(_APPLY_TIMES) or {}).get("SupportedValues") or ()
    return next((when for when in (_AT_ONCE, _ON_RESET) if when in values), None)


def _disk(path: str, document: Mapping[str, Any]) -> PhysicalDisk:
    return PhysicalDisk(
        path=path,
        id=str(document.get("Id") or path.rpartition("/")[2]),
        name=str(document.get("Name") or ""),
        size=int(document.get("CapacityBytes") or 0),
        type=_MEDIA.get(str(document.get("MediaType"))),
    )


def _volume(path: str, document: Mapping[str, Any]) -> Volume:
    level = _LEVELS.get(str(document.get("RAIDType"))) or _OLD_LEVELS.get(str(document.get("VolumeType")))
    return Volume(
        path=path,
        name=str(document.get("Name") or ""),
        size=int(document.get("CapacityBytes") or 0),
        level=level,
        disks=_paths((document.get("Links") or {}).get("Drives")),
    )


def _paths(members: Iterable[Mapping[str, Any]] | None) -> tuple[str, ...]:
    return tuple(str(member["@odata.id"]) for member in members or () if member.get("@odata.id"))
