"""Which abilities a controller has: links, actions and values that its documents show."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.drivers.redfish_bios import RESET_BIOS, offers_bios
from bmctl.drivers.redfish_boot import targets_of
from bmctl.drivers.redfish_boot_mode import offers_boot_mode
from bmctl.drivers.redfish_conversation import Conversation, action, link
from bmctl.drivers.redfish_firmware import offers_firmware
from bmctl.drivers.redfish_manager import manager_path, offers_reset
from bmctl.drivers.redfish_raid import storages
from bmctl.drivers.redfish_secure_boot import RESET_KEYS, state_of
from bmctl.model.controller import Ability
from bmctl.model.firmware import SecureBootState


def abilities_of(conversation: Conversation, *, media: bool) -> tuple[str, ...]:
    """The names of what this controller can do for steps; `media` is whether it has a virtual drive.

    Blocks: a request for each part that the machine has, and one for each of its storages.
    """
    found: list[Ability] = []
    for abilities in (_of_system, _of_bios, _of_secure_boot, _of_raid, _of_firmware, _of_manager):
        found += abilities(conversation)
    found += [Ability.VIRTUAL_MEDIA] if media else []
    return tuple(ability for ability in Ability if ability in found)


def _of_system(conversation: Conversation) -> Iterator[Ability]:
    system = conversation.look_lately()
    if offers_boot_mode(system):
        yield Ability.BOOT_MODE
    if targets_of(system):
        yield Ability.BOOT_DEVICE


def _of_bios(conversation: Conversation) -> Iterator[Ability]:
    document = conversation.part(link(conversation.system.json, "Bios"))
    if offers_bios(document):
        yield Ability.BIOS
    if action(document, RESET_BIOS):
        yield Ability.BIOS_RESET


def _of_secure_boot(conversation: Conversation) -> Iterator[Ability]:
    document = conversation.part(link(conversation.system.json, "SecureBoot"))
    if state_of(document) is not SecureBootState.UNKNOWN:
        yield Ability.SECURE_BOOT
    if action(document, RESET_KEYS):
        yield Ability.SECURE_BOOT_KEYS


def _of_raid(conversation: Conversation) -> Iterator[Ability]:
    if storages(conversation):
        yield Ability.RAID


def _of_firmware(conversation: Conversation) -> Iterator[Ability]:
    if offers_firmware(conversation.part(link(conversation.root.json, "UpdateService"))):
        yield Ability.FIRMWARE


def _of_manager(conversation: Conversation) -> Iterator[Ability]:
    document = conversation.part(manager_path(conversation))
    if offers_reset(document):
        yield Ability.BMC_RESET
    if (document or {}).get("DateTime"):
        yield Ability.CLOCK
