"""What libvirt is told: its configuration, one domain per machine, the pool for virtual media."""

from __future__ import annotations

from pathlib import Path
from string import ascii_lowercase
from xml.etree import ElementTree as ET

from bmctl.lab.record import Acceleration, LabNode, LabOptions
from bmctl.model.firmware import BootMode

POOL_NAME = "default"
# No systemd, no cgroups, no second user inside the capsule: what would drop rights has nothing to drop to.
QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
"""
LIBVIRTD_CONF = """\
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
"""


def pool_xml(path: Path) -> str:
    """A directory pool: the Redfish emulator uploads inserted images into it."""
    pool = ET.Element("pool", type="dir")
    ET.SubElement(pool, "name").text = POOL_NAME
    ET.SubElement(ET.SubElement(pool, "target"), "path").text = str(path)
    return ET.tostring(pool, encoding="unicode")


def tap_name(node: LabNode, nic: int) -> str:
    """The name of a machine's tap inside the capsule."""
    return f"{node.name}p{nic}"


def domain_xml(options: LabOptions, node: LabNode, acceleration: Acceleration) -> str:
    """One machine: q35, virtio disks and NICs, SATA CD-ROM, serial port with a log, VNC on loopback."""
    domain = ET.Element("domain", type="kvm" if acceleration is Acceleration.KVM else "qemu")
    ET.SubElement(domain, "name").text = node.name
    ET.SubElement(domain, "uuid").text = node.uuid
    ET.SubElement(domain, "memory", unit="MiB").text = str(options.memory_mib)
    ET.SubElement(domain, "vcpu").text = str(options.processors)
    _add_firmware(domain, options)
    _add_processor(domain, acceleration)
    devices = ET.SubElement(domain, "devices")
    _add_disks(devices, node)
    for nic, mac in enumerate(node.macs):
        _add_nic(devices, tap_name(node, nic), mac)
    _add_consoles(devices, node)
    return ET.tostring(domain, encoding="unicode")


def _add_firmware(domain: ET.Element, options: LabOptions) -> None:
    features = ET.SubElement(domain, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    system = ET.SubElement(domain, "os")
    ET.SubElement(system, "type", arch="x86_64", machine="q35").text = "hvm"
    ET.SubElement(system, "boot", dev="hd")
    if options.firmware is BootMode.BIOS:
        # SeaBIOS shows itself on the serial port too.
        ET.SubElement(system, "bios", useserial="yes")
        return
    system.set("firmware", "efi")
    enforced = "yes" if options.secure_boot else "no"
    firmware = ET.SubElement(system, "firmware")
    ET.SubElement(firmware, "feature", enabled=enforced, name="secure-boot")
    ET.SubElement(firmware, "feature", enabled=enforced, name="enrolled-keys")
    if options.secure_boot:
        ET.SubElement(features, "smm", state="on")


def _add_processor(domain: ET.Element, acceleration: Acceleration) -> None:
    mode = "host-passthrough" if acceleration is Acceleration.KVM else "maximum"
    ET.SubElement(domain, "cpu", mode=mode)
    ET.SubElement(domain, "on_poweroff").text = "destroy"
    ET.SubElement(domain, "on_reboot").text = "restart"
    ET.SubElement(domain, "on_crash").text = "destroy"


def _add_disks(devices: ET.Element, node: LabNode) -> None:
    for letter, file in zip(ascii_lowercase, (node.disk, *node.more_disks), strict=False):
        disk = ET.SubElement(devices, "disk", type="file", device="disk")
        # The lab is thrown away: no machine of it must survive a crash of the host.
        ET.SubElement(disk, "driver", name="qemu", type="qcow2", cache="unsafe", discard="unmap")
        ET.SubElement(disk, "source", file=file)
        ET.SubElement(disk, "target", dev=f"vd{letter}", bus="virtio")
        ET.SubElement(disk, "serial").text = node.serial_of(file)
    drive = ET.SubElement(devices, "disk", type="file", device="cdrom")
    ET.SubElement(drive, "target", dev="sda", bus="sata")
    ET.SubElement(drive, "readonly")


def _add_nic(devices: ET.Element, tap: str, mac: str) -> None:
    nic = ET.SubElement(devices, "interface", type="ethernet")
    ET.SubElement(nic, "mac", address=mac)
    ET.SubElement(nic, "target", dev=tap, managed="no")
    ET.SubElement(nic, "model", type="virtio")


def _add_consoles(devices: ET.Element, node: LabNode) -> None:
    serial = ET.SubElement(devices, "serial", type="pty")
    ET.SubElement(serial, "log", file=node.serial_log, append="on")
    ET.SubElement(serial, "target", port="0")
    ET.SubElement(devices, "graphics", type="vnc", port=str(node.vnc_port), listen="127.0.0.1")
    video = ET.SubElement(devices, "video")
    ET.SubElement(video, "model", type="vga")
    random = ET.SubElement(devices, "rng", model="virtio")
    ET.SubElement(random, "backend", model="random").text = "/dev/urandom"
    ET.SubElement(devices, "memballoon", model="none")
