"""What becomes of each of a machine's disks, as far as it was inspected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bmctl.agent.hardware import read_hardware
from bmctl.agent.root_disk import choose_root_disk, is_skipped
from bmctl.errors import BmctlError
from bmctl.flows.knowledge import Knowledge
from bmctl.model.disks import DiskContent
from bmctl.model.node import Node

_NOT_LOOKED = "its disks are not known: bmctl inspect {} would tell"


def image_fates(node: Node, knowledge: Knowledge) -> Iterator[str]:
    """A line for each disk: the one that the image goes to, and those that are left alone."""
    chosen = _chosen(node, knowledge)
    if chosen is None:
        hints = ", ".join(f"{key} {value}" for key, value in node.root_device.given().items())
        smallest = "the smallest disk of 4 GiB or more (no root_device given)"
        yield f"disk: {f'the disk with {hints}' if hints else smallest}; everything on it is lost"
        return
    for disk in _disks(knowledge):
        fate = "the image goes here, everything on it is lost" if disk["name"] == chosen else "left alone"
        yield f"disk {_told(disk, knowledge)}: {fate}"


def erase_fates(node: Node, knowledge: Knowledge) -> Iterator[str]:
    """A line for each disk that steps which erase all disks would find."""
    disks = _disks(knowledge)
    if not disks:
        yield f"disks: {_NOT_LOOKED.format(node.name)}"
        return
    kept = _skipped(node, knowledge)
    for disk in disks:
        alone = disk["name"] in kept
        fate = "left alone (skip_block_devices)" if alone else "everything on it is lost"
        yield f"disk {_told(disk, knowledge)}: {fate}"


def _chosen(node: Node, knowledge: Knowledge) -> str | None:
    hardware = knowledge.inspection.get("hardware")
    if not hardware:
        return None
    try:
        return choose_root_disk(read_hardware(hardware), node.root_device, skip=node.skip_block_devices).name
    except BmctlError:
        return None


def _skipped(node: Node, knowledge: Knowledge) -> frozenset[str]:
    """The names of the disks that the inventory wants left alone."""
    hardware = read_hardware(knowledge.inspection["hardware"])
    return frozenset(disk.name for disk in hardware.disks if is_skipped(disk, node.skip_block_devices))


def _disks(knowledge: Knowledge) -> tuple[Mapping[str, Any], ...]:
    hardware = knowledge.inspection.get("hardware") or {}
    return tuple(hardware.get("disks") or ())


def _told(disk: Mapping[str, Any], knowledge: Knowledge) -> str:
    """`/dev/sda, serial S1, 20.0 GB, holds ...`."""
    parts = [str(disk["name"])]
    if serial := disk.get("serial"):
        parts.append(f"serial {serial}")
    if size := disk.get("size"):
        parts.append(f"{size / 1e9:.1f} GB")
    parts.append(f"holds {_contents(disk['name'], knowledge)}")
    return ", ".join(parts)


def _contents(name: str, knowledge: Knowledge) -> str:
    for disk in knowledge.inspection.get("disks") or ():
        if disk.get("name") == name:
            return DiskContent.from_json(disk).summary
    return "what was not looked at"
