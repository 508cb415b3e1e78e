"""The driver for controllers that speak Redfish (DMTF DSP0266), made of abilities over sushy."""

from __future__ import annotations

from bmctl.drivers.abilities import Access, Driver
from bmctl.drivers.redfish_bios import RedfishBios
from bmctl.drivers.redfish_boot import RedfishBoot
from bmctl.drivers.redfish_boot_mode import RedfishBootMode, offers_boot_mode
from bmctl.drivers.redfish_conversation import Conversation
from bmctl.drivers.redfish_description import RedfishIntrospection
from bmctl.drivers.redfish_firmware import RedfishFirmware
from bmctl.drivers.redfish_manager import RedfishClock, RedfishControllerReset, manager_path
from bmctl.drivers.redfish_media import RedfishMedia
from bmctl.drivers.redfish_power import RedfishPower
from bmctl.drivers.redfish_quirks import quirks_of
from bmctl.drivers.redfish_raid import RedfishRaid
from bmctl.drivers.redfish_secure_boot import (
    RedfishSecureBoot,
    RedfishSecureBootKeys,
    offers_secure_boot,
)
from bmctl.drivers.redfish_tasks import RedfishTasks


async def build(access: Access) -> Driver:
    """Log in, find the machine, and see what it can; nothing is left open when that fails."""
    conversation = Conversation(access)
    try:
        await conversation.open()
    except BaseException:
        await conversation.close()
        raise
    system = conversation.system
    quirks = quirks_of(conversation.root.json.get("Vendor"), system.manufacturer)
    links = system.json.get("Links") or {}
    has_media = bool(system.json.get("VirtualMedia") or links.get("ManagedBy") or links.get("Managers"))
    secure_boot, managed = offers_secure_boot(system), manager_path(conversation) is not None
    return Driver(
        session=conversation,
        power=RedfishPower(conversation),
        introspection=RedfishIntrospection(conversation),
        boot=RedfishBoot(conversation, quirks) if system.boot is not None else None,
        media=RedfishMedia(conversation, quirks) if has_media else None,
        secure_boot=RedfishSecureBoot(conversation) if secure_boot else None,
        secure_boot_keys=RedfishSecureBootKeys(conversation) if secure_boot else None,
        boot_mode=RedfishBootMode(conversation) if offers_boot_mode(system) else None,
        bios=RedfishBios(conversation) if system.json.get("Bios") else None,
        tasks=RedfishTasks(conversation),
        raid=RedfishRaid(conversation) if system.json.get("Storage") else None,
        firmware=RedfishFirmware(conversation) if conversation.root.json.get("UpdateService") else None,
        bmc_reset=RedfishControllerReset(conversation) if managed else None,
        clock=RedfishClock(conversation) if managed else None,
    )
