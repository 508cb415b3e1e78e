"""What an agent is told: the node, its ports, the image. Never a controller's password."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from bmctl.agent.answers import AgentStep
from bmctl.model.image import Checksum
from bmctl.model.node import NODE_NAMESPACE, Node


def node_payload(
    node: Node,
    *,
    instance_info: Mapping[str, Any] | None = None,
    properties: Mapping[str, Any] | None = None,
    driver_internal_info: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The node as the agent's hardware managers read it, and what is added.

    It tells the root device hints, the boot mode, the disks to leave alone, and in `driver_internal_info`
    the knobs for erasing; see the agent's documentation of cleaning.
    """
    hints = node.root_device.given()
    skipped = [device.given() for device in node.skip_block_devices]
    return {
        "uuid": node.uuid,
        "name": node.name,
        "instance_info": {
            **({"root_device": hints} if hints else {}),
            "deploy_boot_mode": str(node.boot_mode),
            **(instance_info or {}),
        },
        "properties": {
            "cpu_arch": str(node.architecture),
            "capabilities": f"boot_mode:{node.boot_mode}",
            **({"skip_block_devices": skipped} if skipped else {}),
            **(properties or {}),
        },
        "driver_internal_info": {**node.cleaning.knobs, **(driver_internal_info or {})},
        "target_raid_config": {},
    }


def port_payloads(node: Node) -> tuple[dict[str, Any], ...]:
    """The node's physical ports, by MAC."""
    return tuple(
        {
            "uuid": str(uuid.uuid5(NODE_NAMESPACE, f"{node.name}/{mac}")),
            "address": mac,
            "node_uuid": node.uuid,
        }
        for mac in node.network.macs
    )


def image_payload(node: Node, *, url: str, checksum: Checksum, identity: str | None = None) -> dict[str, Any]:
    """A raw whole-disk image that the agent streams from `url` straight to the disk.

    `checksum` is that of the bytes served. An agent writes each `identity` once in its life; the default is
    the checksum's value, so that only the same content is skipped.
    """
    return {
        "id": identity or checksum.value,
        "urls": [url],
        "os_hash_algo": checksum.algorithm,
        "os_hash_value": checksum.value,
        "disk_format": "raw",
        "container_format": "bare",
        "stream_raw_images": True,
        "image_type": "whole-disk",
        "node_uuid": node.uuid,
    }


def step_parameters(
    step: AgentStep,
    *,
    arguments: Mapping[str, Any],
    node: Mapping[str, Any],
    ports: tuple[Mapping[str, Any], ...],
    kind: str,
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Parameters of `KIND.execute_KIND_step` (`kind` is clean, deploy or service).

    With `versions` the agent refuses the step if its hardware managers have changed since.
    """
    return {
        "step": {
            "interface": step.interface,
            "step": step.name,
            "priority": step.priority,
            "args": dict(arguments),
        },
        "node": dict(node),
        "ports": [dict(port) for port in ports],
        **({f"{kind}_version": dict(versions)} if versions is not None else {}),
    }
