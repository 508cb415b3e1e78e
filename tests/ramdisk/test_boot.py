"""The built ramdisk under real UEFI firmware: it answers at its baked-in address, with no DHCP."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest

from bmctl.media.iso import new_iso
from bmctl.model.network import Attachment, Bond, BondMode, Ethernet, NetworkConfig, Route, Vlan

pytestmark = pytest.mark.e2e

MAC = "52:54:00:aa:00:01"
OTHER = "52:54:00:aa:00:02"
NODE = {"uuid": "6ab7a0ee-0000-4000-8000-000000000001", "instance_info": {}, "properties": {}}


def attached(link: str, *addresses: str, gateway: str | None = None) -> Attachment:
    routes = ()
    if gateway:
        routes = (
            Route(destination=ipaddress.ip_network("0.0.0.0/0"), gateway=ipaddress.ip_address(gateway)),
        )
    return Attachment(
        link=link, addresses=tuple(ipaddress.ip_interface(each) for each in addresses), routes=routes
    )


def old_config_drive(path: Any) -> bytes:
    iso = new_iso(label="config-2")
    iso.write(str(path))
    iso.close()
    return path.read_bytes()


def test_from_cd_with_ipv4_and_ipv6(boot: Any):
    network = NetworkConfig(
        links=(Ethernet(name="uplink", mac=MAC, mtu=1400),),
        attachments=(attached("uplink", "192.0.2.10/24", "2001:db8::10/64", gateway="192.0.2.1"),),
        dns=(ipaddress.ip_address("192.0.2.53"),),
    )
    lines = (
        "addr add 192.0.2.1/24 dev lan",
        "addr add 2001:db8::1/64 dev lan nodad",
    )
    with boot(network, *lines) as machine:
        machine.wait("192.0.2.10")
        status = machine.get("192.0.2.10")
        assert status["version"] == "13.0.0"
        assert machine.get("2001:db8::10") == status
        listed = machine.command("192.0.2.10", "clean.get_clean_steps", node=NODE, ports=[])
        steps = listed["command_result"]["clean_steps"]["GenericHardwareManager"]
        assert "erase_devices_metadata" in {step["step"] for step in steps}
        inventory = machine.command("192.0.2.10", "poll.get_hardware_info")["command_result"]
        assert inventory["boot"]["current_boot_mode"] == "uefi"
        assert inventory["hostname"] == "machine-1"
        assert [port["mac_address"] for port in inventory["interfaces"]] == [MAC]
        assert "agent_token=***" in machine.console
        assert machine.credentials.token not in machine.console
        machine.command("192.0.2.10", "standby.power_off")
        assert machine.child.wait(timeout=120) == 0


def test_from_cd_with_a_vlan_over_a_bond_beside_an_old_config_drive(boot: Any, tmp_path: Any):
    network = NetworkConfig(
        links=(
            Ethernet(name="left", mac=MAC),
            Ethernet(name="right", mac=OTHER),
            Bond(name="bond0", mac=MAC, members=("left", "right"), mode=BondMode.ACTIVE_BACKUP),
            Vlan(name="bond0.42", mac=MAC, link="bond0", vlan_id=42),
        ),
        attachments=(attached("bond0.42", "192.0.2.10/24", "2001:db8::10/64"),),
    )
    lines = (
        "tuntap add dev access mode tap",
        "link set access up",
        "addr add 192.0.2.1/24 dev access",
        "addr add 2001:db8::1/64 dev access nodad",
    )
    with boot(network, *lines, disk=old_config_drive(tmp_path / "old.iso"), vlan=42) as machine:
        machine.wait("192.0.2.10")
        assert machine.get("2001:db8::10")["version"] == "13.0.0"
        assert "making interface the new active one" in machine.console
        assert "ip refused" not in machine.console


def test_from_a_usb_stick(boot: Any, usb_stick: Sequence[str]):
    network = NetworkConfig(
        links=(Ethernet(name="uplink", mac=MAC),), attachments=(attached("uplink", "192.0.2.10/24"),)
    )
    with boot(network, "addr add 192.0.2.1/24 dev lan", drive=usb_stick) as machine:
        machine.wait("192.0.2.10")
        assert machine.command("192.0.2.10", "poll.get_hardware_info")["command_status"] == "SUCCEEDED"
