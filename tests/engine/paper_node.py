"""A node on paper, and the hardware that its agent finds."""

from __future__ import annotations

import io
import ipaddress
import tarfile
from collections.abc import Iterable
from typing import Any

from bmctl.agent.hardware import Disk, Hardware, NetworkInterface
from bmctl.model.image import ImageSource
from bmctl.model.network import Attachment, Ethernet, NetworkConfig
from bmctl.model.node import Bmc, DriverName, Instance, Node

GIB = 2**30
MAC = "52:54:00:00:00:01"


def make_node(name: str = "n1", **more: Any) -> Node:
    """A node with one port and the fake controller."""
    network = NetworkConfig(
        links=(Ethernet(name="eth0", mac=MAC),),
        attachments=(Attachment(link="eth0", addresses=(ipaddress.ip_interface("10.0.0.11/24"),)),),
    )
    values = {
        "bmc": Bmc(address=f"fake:{name}", driver=DriverName.FAKE),
        "network": network,
        "instance": Instance(hostname=name),
        "image": ImageSource(name="debian", source="/images/debian.raw"),
    }
    return Node(name=name, **{**values, **more})


def make_hardware(*, disk: int, macs: Iterable[str] = (MAC,)) -> Hardware:
    return Hardware(
        interfaces=tuple(NetworkInterface(name=f"eth{n}", mac=mac) for n, mac in enumerate(macs)),
        disks=(Disk(name="/dev/vda", size=disk),),
        cpus=2,
        cpu_model=None,
        architecture="x86_64",
        memory=2 * GIB,
        manufacturer=None,
        product=None,
        serial=None,
        boot_mode="uefi",
        raw={},
    )


def disk_logs(hardware: Hardware) -> bytes:
    """The agent's logs, as far as they tell what is on the disks: nothing."""
    text = "".join(
        f'NAME="{disk.name[5:]}" PATH="{disk.name}" TYPE="disk" SIZE="{disk.size}"\n'
        for disk in hardware.disks
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("lsblk-full")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
