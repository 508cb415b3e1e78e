"""The inventory a lab writes for its own machines."""

from __future__ import annotations

from typing import Any

import yaml

from bmctl.lab.record import Lab, LabNode
from bmctl.model.firmware import BootMode

IMAGE_NAME = "lab"
SSH_PORT = 22


def write_inventory(lab: Lab) -> None:
    """Write `inventory.yaml` in the lab's directory."""
    lab.inventory.write_text(inventory_text(lab))


def inventory_text(lab: Lab) -> str:
    """The lab's machines as an inventory: addresses, controllers, credentials by reference, no secret."""
    document: dict[str, Any] = {}
    if lab.options.image is not None:
        image: dict[str, Any] = {"source": lab.options.image}
        if lab.options.image_checksum is not None:
            image["checksum"] = lab.options.image_checksum
        document["images"] = {IMAGE_NAME: image}
    document["nodes"] = [_node(lab, node) for node in lab.nodes]
    text: str = yaml.safe_dump(document, sort_keys=False, width=110)
    return f"# Written by `bmctl lab up`; gone with `bmctl lab down`.\n{text}"


def _node(lab: Lab, node: LabNode) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": node.name,
        "bmc": {
            "address": lab.controller_url,
            "username": lab.username,
            "password": f"file:{lab.password_file}",
            "system": f"/redfish/v1/Systems/{node.uuid}",
            **({"verify": str(lab.ca_file)} if lab.options.tls else {}),
        },
        "network": {"mac": node.macs[0], "address": _addresses(lab, node)},
    }
    if lab.options.firmware is not BootMode.UEFI:
        entry["boot_mode"] = lab.options.firmware.value
    if lab.options.secure_boot:
        entry["secure_boot"] = True
    if lab.options.image is not None:
        entry["image"] = IMAGE_NAME
    entry["instance"] = {"hostname": node.name, "ssh_keys": [f"file:{lab.path('id_ed25519.pub')}"]}
    entry["ready"] = {"tcp": SSH_PORT}
    return entry


def _addresses(lab: Lab, node: LabNode) -> list[str]:
    addresses = [f"{node.address}/{lab.network.prefix}"]
    if node.address6 is not None:
        addresses.append(f"{node.address6}/{lab.network.prefix6}")
    return addresses
