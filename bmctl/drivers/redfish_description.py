"""What a controller says of itself and its machine, through Redfish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sushy.exceptions

from bmctl.drivers import redfish_secure_boot
from bmctl.drivers.abilities import Description
from bmctl.drivers.redfish_abilities import abilities_of
from bmctl.drivers.redfish_boot import mode_of, targets_of
from bmctl.drivers.redfish_conversation import Conversation
from bmctl.drivers.redfish_power import power_of
from bmctl.drivers.redfish_slots import slots_of

# What a controller may lack or keep behind a licence; the description then says nothing about it.
_ABSENT = (
    sushy.exceptions.MissingAttributeError,
    sushy.exceptions.AccessError,
    sushy.exceptions.ResourceNotFoundError,
    sushy.exceptions.ServerSideError,
)


class RedfishIntrospection:
    """Reads the system, its managers, network interfaces, secure boot and virtual drives."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def describe(self) -> Description:
        """Everything a person asks first, and what the controller can do; one or two dozen requests."""
        return await self._conversation.call("describe the machine", self._describe)

    def _describe(self) -> Description:
        root, system = self._conversation.root, self._conversation.look_lately()
        manager = next(iter(_members(lambda: system.managers)), None)
        slots = tuple(slot.name for slot in _members(lambda: slots_of(system)) if slot.holds_cd)
        return Description(
            protocol=f"Redfish {root.redfish_version or ''}".strip(),
            manufacturer=_told(system.manufacturer),
            model=_told(system.json.get("Model")),
            serial=_told(system.json.get("SerialNumber")),
            uuid=_told(system.uuid),
            sku=_told(system.sku),
            bios_version=_told(system.json.get("BiosVersion")),
            controller_vendor=_told(root.json.get("Vendor")),
            controller_model=_told(manager.model) if manager else None,
            controller_version=_told(manager.firmware_version) if manager else None,
            power=power_of(system),
            boot_mode=mode_of(system),
            secure_boot=redfish_secure_boot.read(self._conversation),
            cpus=(system.json.get("ProcessorSummary") or {}).get("Count"),
            memory_gib=(system.json.get("MemorySummary") or {}).get("TotalSystemMemoryGiB"),
            macs=tuple(dict.fromkeys(_macs(system))),
            boot_targets=targets_of(system),
            media_slots=slots,
            abilities=abilities_of(self._conversation, media=bool(slots)),
        )


def _macs(system: Any) -> Iterator[str]:
    """The MAC of every network interface, also of those whose health is not told."""
    for interface in _members(lambda: system.ethernet_interfaces.get_members()):  # noqa: PLW0108  the link itself may be absent
        document = interface.json
        if mac := document.get("MACAddress") or document.get("PermanentMACAddress"):
            yield str(mac).lower().replace("-", ":")


def _members(read: Any) -> tuple[Any, ...]:
    try:
        return tuple(read())
    except _ABSENT:
        return ()


def _told(value: Any) -> str | None:
    """A text that says something; controllers fill fields with blanks."""
    return str(value).strip() or None if value is not None else None
