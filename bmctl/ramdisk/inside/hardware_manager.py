"""Steps of bmctl's own that the agent offers beside its generic ones: list disks, read one back, erase one.

The manager has no method that a generic one has, so that it stands in for none of them.
"""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .reading import Disk, blocks, digest_ranges, pieces

MOST_BYTES: Final = 4 * 2**20
"""Of the disk's content that one step returns: partition tables are far smaller."""
GENERIC: Final = 1
"""How well it supports a machine, in the agent's numbers: as well as the generic manager does."""

STEPS: Final = (
    {
        "step": "read_back",
        "priority": 0,
        "interface": "deploy",
        "reboot_requested": False,
        "argsinfo": {
            "ranges": {
                "description": "Ranges of the root disk to digest: offset, size, size of a piece, in bytes",
                "required": True,
            },
            "read": {
                "description": "Ranges of the root disk to return, at most 4 MiB in all",
                "required": False,
            },
        },
    },
    {
        "step": "list_disks",
        "priority": 0,
        "interface": "deploy",
        "reboot_requested": False,
    },
    {
        "step": "erase_signatures",
        "priority": 0,
        "interface": "deploy",
        "reboot_requested": False,
        "argsinfo": {
            "disk": {
                "description": "Disk whose file systems and partition table are made unknown, as /dev/sdb",
                "required": True,
            },
            "size": {"description": "Size in bytes that the disk must have", "required": True},
        },
    },
)


class BmctlHardwareManager:
    """What the agent asks of a hardware manager, and the steps."""

    HARDWARE_MANAGER_NAME = "bmctl"
    HARDWARE_MANAGER_VERSION = "1.0"

    def evaluate_hardware_support(self) -> int:
        """Any machine."""
        return GENERIC

    def initialize(self) -> None:
        """Nothing to prepare."""

    def get_version(self) -> dict[str, str]:
        """Name and version, by which a client sees that the steps have changed."""
        return {"name": self.HARDWARE_MANAGER_NAME, "version": self.HARDWARE_MANAGER_VERSION}

    def get_deploy_steps(self, node: Mapping[str, Any], ports: Sequence[Any]) -> list[dict[str, Any]]:  # noqa: ARG002 # the agent's signature
        """All of them; they run only when asked for."""
        return [dict(step) for step in STEPS]

    def read_back(
        self,
        node: Mapping[str, Any],  # noqa: ARG002 # the agent's signature
        ports: Sequence[Any],  # noqa: ARG002 # the agent's signature
        ranges: Sequence[Sequence[int]],
        read: Sequence[Sequence[int]] = (),
    ) -> dict[str, Any]:
        """Digests of the pieces of ranges of the root disk, and the bytes of others, each as one base64 text.

        A digest has 32 bytes and is made as `reading` says; the bytes are deflated.
        """
        from ironic_python_agent import hardware  # type: ignore[import-not-found]  # in the ramdisk only

        return read_disk(hardware.dispatch_to_managers("get_os_install_device"), ranges, read)

    def list_disks(self, node: Mapping[str, Any], ports: Sequence[Any]) -> str:  # noqa: ARG002 # the agent's signature
        """What lsblk knows of all block devices, as in the agent's logs, in a fraction of the time."""
        from ironic_python_agent import utils

        listing: str = utils.execute("lsblk", "--all", "--bytes", "--output-all", "--pairs")[0]
        return listing

    def erase_signatures(
        self,
        node: Mapping[str, Any],
        ports: Sequence[Any],  # noqa: ARG002 # the agent's signature
        disk: str,
        size: int,
    ) -> list[str]:
        """Make the partitions of one disk and then the disk itself unknown; the devices that were treated.

        Data stays where it is. Refuses a disk of another size than was seen, one that the node's hints
        tell to skip, and the root disk. A file system that other machines may share is refused by the agent.
        """
        from ironic_python_agent import disk_utils, hardware, utils

        _require_erasable(hardware, node, disk, size)
        listed, _ = utils.execute("lsblk", "--paths", "--noheadings", "--raw", "--output", "NAME", disk)
        devices = list(dict.fromkeys(listed.split()))
        for name in devices:
            hardware.safety_check_block_device(node, name)
        for name in reversed([name for name in devices if name != disk]):
            utils.execute("wipefs", "--force", "--all", name)
        disk_utils.destroy_disk_metadata(disk, node["uuid"])
        disk_utils.udev_settle()
        return devices


def _require_erasable(hardware: Any, node: Mapping[str, Any], disk: str, size: int) -> None:
    """Raise ValueError where the disk may not be erased."""
    if disk == hardware.dispatch_to_managers("get_os_install_device"):
        raise ValueError(f"{disk} is the disk that the image goes to")
    devices = hardware.dispatch_to_managers("list_block_devices_check_skip_list", node)
    if not any(device.name == disk and device.size == size for device in devices):
        raise ValueError(f"there is no disk {disk} of {size} bytes that may be erased")


def read_disk(
    device: str, ranges: Sequence[Sequence[int]], read: Sequence[Sequence[int]] = ()
) -> dict[str, Any]:
    """What `read_back` returns of a device, as plain values; `seconds` is how long the reading took."""
    if sum(size for _, size in read) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes to return")
    began = time.monotonic()
    with Disk(Path(device)) as disk:
        content = b"".join(
            bytes(disk.read(*block)) for offset, size in read for block in blocks(offset, size)
        )
        digests = digest_ranges(disk, (piece for each in ranges for piece in pieces(*each)))
        return {
            "device": device,
            "size": disk.size,
            "direct": disk.direct,
            "seconds": round(time.monotonic() - began, 3),
            "digests": base64.b64encode(b"".join(digests)).decode(),
            "content": base64.b64encode(zlib.compress(content)).decode(),
        }
