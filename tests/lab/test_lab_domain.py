from __future__ import annotations

from xml.etree import ElementTree as ET

from bmctl.lab.domain import domain_xml
from bmctl.lab.record import Acceleration
from bmctl.model.firmware import BootMode


def describe(lab, acceleration=Acceleration.TCG):
    return ET.fromstring(domain_xml(lab.options, lab.nodes[0], acceleration))


def test_a_machine_has_what_its_record_says(make_lab):
    lab = make_lab(nics=2, memory_mib=3000)
    node, domain = lab.nodes[0], describe(lab)
    assert domain.findtext("uuid") == node.uuid
    assert domain.findtext("memory") == "3000"
    assert [mac.get("address") for mac in domain.iterfind("devices/interface/mac")] == list(node.macs)
    assert domain.find("devices/disk[@device='disk']/source").get("file") == node.disk
    assert domain.findtext("devices/disk[@device='disk']/serial") == node.disk_serial
    assert domain.find("devices/serial/log").get("file") == node.serial_log
    assert domain.find("devices/graphics").get("listen") == "127.0.0.1"


def test_acceleration_decides_on_type_and_processor(make_lab):
    lab = make_lab()
    emulated, native = describe(lab), describe(lab, Acceleration.KVM)
    assert (emulated.get("type"), emulated.find("cpu").get("mode")) == ("qemu", "maximum")
    assert (native.get("type"), native.find("cpu").get("mode")) == ("kvm", "host-passthrough")


def test_firmware_is_as_asked(make_lab):
    def features(lab):
        return {
            each.get("name"): each.get("enabled") for each in describe(lab).iterfind("os/firmware/feature")
        }

    assert features(make_lab()) == {"secure-boot": "no", "enrolled-keys": "no"}
    assert features(make_lab(secure_boot=True)) == {"secure-boot": "yes", "enrolled-keys": "yes"}
    assert describe(make_lab(firmware=BootMode.BIOS)).find("os").get("firmware") is None


def test_each_disk_has_a_serial_number_of_its_own(make_lab):
    lab = make_lab(disks=3)
    disks = describe(lab).findall("devices/disk[@device='disk']")
    assert [disk.find("target").get("dev") for disk in disks] == ["vda", "vdb", "vdc"]
    assert [disk.find("source").get("file") for disk in disks] == [
        lab.nodes[0].disk,
        *lab.nodes[0].more_disks,
    ]
    serials = [disk.findtext("serial") for disk in disks]
    assert serials[0] == lab.nodes[0].disk_serial
    assert len(set(serials)) == 3
    assert all(len(serial) <= 20 for serial in serials), "a virtio disk cuts longer ones"
