"""Only the machine that is meant is written to."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from bmctl.agent.answers import AgentStep
from bmctl.agent.errors import WrongMachineError
from bmctl.agent.hardware import read_hardware
from bmctl.agent.identity import verify_machine
from bmctl.agent.payload import image_payload, node_payload, step_parameters
from bmctl.model.hints import RootDeviceHints
from bmctl.model.image import Checksum
from bmctl.model.network import Attachment, Bond, Ethernet, NetworkConfig
from bmctl.model.node import Cleaning

MAC, OTHER = "52:54:00:aa:bb:01", "52:54:00:aa:bb:02"


def machine(*macs: str, serial: str | None = "SN-1"):
    return read_hardware(
        {
            "interfaces": [{"name": f"eth{index}", "mac_address": mac} for index, mac in enumerate(macs)],
            "disks": [],
            "system_vendor": {"serial_number": serial},
            "memory": {"physical_mb": 4096, "total": 1},
        }
    )


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ("SN-1", "SN-1"),
        ("SN-1", "sn-1 "),
        ("SN-1", None),
        (None, "SN-1"),
        ("Not Specified", "SN-1"),
        ("SN-1", "0"),
    ],
)
def test_the_machine_meant_is_accepted(node, seen, told):
    verify_machine(machine(MAC.upper(), OTHER, serial=seen), node, serial=told)


def test_another_mac_is_refused(node):
    with pytest.raises(WrongMachineError, match=f"it has no port {MAC}") as caught:
        verify_machine(machine(OTHER), node)
    assert OTHER in (caught.value.hint or "")


def test_another_serial_is_refused(node):
    with pytest.raises(WrongMachineError, match="serial number SN-1, where the controller says SN-2"):
        verify_machine(machine(MAC), node, serial="SN-2")


@pytest.mark.parametrize(
    ("macs", "right"), [((MAC, MAC), True), ((OTHER, OTHER), True), (("52:54:00:00:00:09",), False)]
)
def test_ports_of_a_bond_all_show_one_mac(node, macs, right):
    links = (
        Ethernet(name="a", mac=MAC),
        Ethernet(name="b", mac=OTHER),
        Bond(name="bond0", mac=MAC, members=("a", "b")),
    )
    attachments = (Attachment(link="bond0", addresses=(ipaddress.ip_interface("192.0.2.10/24"),)),)
    bonded = dataclasses.replace(node, network=NetworkConfig(links=links, attachments=attachments))
    if right:
        verify_machine(machine(*macs), bonded)
        return
    with pytest.raises(WrongMachineError):
        verify_machine(machine(*macs), bonded)


def test_memory_is_what_is_plugged_in():
    assert machine(MAC).memory == 4096 * 2**20


def test_the_agent_is_told_hints_and_boot_mode_and_no_password(node):
    told = node_payload(dataclasses.replace(node, root_device=RootDeviceHints(serial="S1", size=100)))
    assert told["instance_info"] == {"root_device": {"serial": "S1", "size": 100}, "deploy_boot_mode": "uefi"}
    assert "password" not in repr(told)


def test_the_agent_is_told_disks_to_leave_alone_and_how_to_erase(node):
    told = node_payload(
        dataclasses.replace(
            node,
            skip_block_devices=(RootDeviceHints(serial="KEEP"), RootDeviceHints(size=10)),
            cleaning=Cleaning(knobs={"disk_erasure_concurrency": 4, "agent_erase_skip_read_only": True}),
        ),
        driver_internal_info={"disk_erasure_concurrency": 1},
    )
    assert told["properties"]["skip_block_devices"] == [{"serial": "KEEP"}, {"size": 10}]
    assert told["driver_internal_info"] == {"disk_erasure_concurrency": 1, "agent_erase_skip_read_only": True}
    assert "skip_block_devices" not in node_payload(node)["properties"]


def test_an_image_is_told_with_a_checksum_the_agent_understands(node):
    checksum = Checksum(algorithm="sha256", value="ab" * 32)
    told = image_payload(node, url="http://192.0.2.5/x", checksum=checksum)
    assert (told["os_hash_algo"], told["os_hash_value"], told["stream_raw_images"]) == (
        "sha256",
        "ab" * 32,
        True,
    )
    assert "/" not in told["id"]


def test_a_step_is_told_with_its_arguments_and_the_versions_that_listed_it(node):
    step = AgentStep(name="write_image", interface="deploy", priority=0, manager="Generic")
    told = step_parameters(step, arguments={"a": 1}, node={}, ports=(), kind="deploy", versions={"g": "1.2"})
    assert told["step"] == {"interface": "deploy", "step": "write_image", "priority": 0, "args": {"a": 1}}
    assert told["deploy_version"] == {"g": "1.2"}
