"""What the ramdisk does with network metadata, as lines for `ip -batch`."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.media.network_data import network_data
from bmctl.model.network import Attachment, Bond, BondMode, Ethernet, NetworkConfig, Route, Vlan
from bmctl.ramdisk.inside.network import NetworkDataError, macs, plan

MAC = "52:54:00:aa:00:01"
OTHER = "52:54:00:aa:00:02"
PORTS = {MAC: "enp1s0", OTHER: "enp2s0"}


def config(*links: Any, address: str = "192.0.2.10/24", **more: Any) -> dict[str, Any]:
    addresses = tuple(ipaddress.ip_interface(each) for each in address.split())
    attachment = Attachment(link=links[-1].name, addresses=addresses, routes=more.pop("routes", ()))
    return network_data(NetworkConfig(links=links, attachments=(attachment,), **more))


def default_route(gateway: str) -> Route:
    anywhere = "::/0" if ":" in gateway else "0.0.0.0/0"
    return Route(destination=ipaddress.ip_network(anywhere), gateway=ipaddress.ip_address(gateway))


def test_a_port_is_found_by_its_mac():
    data = config(Ethernet(name="uplink", mac=MAC, mtu=9000), routes=(default_route("192.0.2.1"),))
    assert plan(data, PORTS).commands == (
        "link set dev lo up",
        "link set dev enp1s0 mtu 9000",
        "link set dev enp1s0 up",
        "address replace 192.0.2.10/24 dev enp1s0",
        "route replace 0.0.0.0/0 via 192.0.2.1 dev enp1s0 metric 100",
    )


def test_a_vlan_stands_on_its_port():
    data = config(Ethernet(name="uplink", mac=MAC), Vlan(name="storage", mac=MAC, link="uplink", vlan_id=42))
    assert plan(data, PORTS).commands[1:] == (
        "link set dev enp1s0 up",
        f"link add link enp1s0 name storage address {MAC} type vlan id 42",
        "link set dev storage up",
        "address replace 192.0.2.10/24 dev storage",
    )


def test_a_bond_takes_its_ports_while_they_are_down():
    data = config(
        Ethernet(name="a", mac=MAC),
        Ethernet(name="b", mac=OTHER),
        Bond(name="bond0", mac=MAC, members=("a", "b"), transmit_hash_policy="layer3+4", miimon=50),
    )
    assert plan(data, PORTS).commands[1:-1] == (
        f"link add name bond0 address {MAC} type bond mode 802.3ad miimon 50 xmit_hash_policy layer3+4",
        "link set dev enp1s0 down",
        "link set dev enp1s0 master bond0",
        "link set dev enp2s0 down",
        "link set dev enp2s0 master bond0",
        "link set dev bond0 up",
    )


def test_a_vlan_over_a_bond_widens_what_carries_it():
    data = config(
        Ethernet(name="a", mac=MAC),
        Bond(name="bond0", mac=MAC, members=("a",), mode=BondMode.ACTIVE_BACKUP),
        Vlan(name="jumbo", mac=MAC, link="bond0", vlan_id=7, mtu=9000),
    )
    lines = plan(data, PORTS).commands
    assert [line for line in lines if "mtu" in line] == [
        "link set dev enp1s0 mtu 9000",
        "link set dev bond0 mtu 9000",
        "link set dev jumbo mtu 9000",
    ]


def test_links_may_come_in_any_order():
    data = config(Ethernet(name="uplink", mac=MAC), Vlan(name="v", mac=MAC, link="uplink", vlan_id=42))
    turned = {**data, "links": data["links"][::-1]}
    assert plan(turned, PORTS) == plan(data, PORTS)


def test_ipv6_addresses_answer_at_once():
    data = config(
        Ethernet(name="uplink", mac=MAC),
        address="192.0.2.10/24 2001:db8::10/64 2001:db8:1::10/48",
        routes=(default_route("2001:db8::1"),),
    )
    lines = plan(data, PORTS).commands
    assert "address replace 2001:db8::10/64 dev enp1s0 nodad" in lines
    assert "address replace 2001:db8:1::10/48 dev enp1s0 nodad" in lines
    assert "route replace ::/0 via 2001:db8::1 dev enp1s0 metric 100" in lines


def test_a_gateway_outside_the_subnet_is_taken_to_be_on_the_link():
    data = config(
        Ethernet(name="uplink", mac=MAC), address="203.0.113.7/32", routes=(default_route("192.0.2.1"),)
    )
    assert plan(data, PORTS).commands[-1].endswith("via 192.0.2.1 dev enp1s0 metric 100 onlink")


def test_of_two_default_routes_the_first_wins():
    networks = [
        {
            "id": port,
            "link": port,
            "type": "ipv4",
            "ip_address": f"192.0.{number}.10",
            "netmask": "255.255.255.0",
            "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": f"192.0.{number}.1"}],
        }
        for number, port in enumerate(["a", "b"])
    ]
    links = [
        {"id": "a", "type": "phy", "ethernet_mac_address": MAC},
        {"id": "b", "type": "phy", "ethernet_mac_address": OTHER},
    ]
    routes = [
        line for line in plan({"links": links, "networks": networks}, PORTS).commands if "route" in line
    ]
    assert [line.split()[-3:] for line in routes] == [
        ["enp1s0", "metric", "100"],
        ["enp2s0", "metric", "101"],
    ]


def test_name_servers_are_collected_once():
    servers = (ipaddress.ip_address("192.0.2.53"), ipaddress.ip_address("2001:db8::53"))
    assert plan(config(Ethernet(name="uplink", mac=MAC), dns=servers), PORTS).servers == (
        "192.0.2.53",
        "2001:db8::53",
    )


def test_names_the_kernel_would_not_take_are_replaced():
    data = config(
        Ethernet(name="a", mac=MAC),
        Ethernet(name="b", mac=OTHER),
        Bond(name="enp1s0", mac=MAC, members=("a", "b")),
        Vlan(name="a-name-far-too-long-for-linux", mac=MAC, link="enp1s0", vlan_id=4094),
    )
    lines = plan(data, PORTS).commands
    assert any(line.startswith("link add name bond0 ") for line in lines)
    assert any(line.startswith("link add link bond0 name bond0.4094 ") for line in lines)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"networks": [{"id": "n", "type": "ipv4_dhcp", "link": "uplink"}]}, "DHCP is never used"),
        (
            {"links": [{"id": "p", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:99"}]},
            "no interface has",
        ),
        ({"links": [{"id": "v", "type": "vlan", "vlan_link": "gone", "vlan_id": 1}]}, "not there"),
        (
            {"networks": [{"id": "n", "type": "ipv4", "link": "gone", "ip_address": "10.0.0.1/8"}]},
            "no link is called gone",
        ),
    ],
)
def test_data_that_cannot_be_applied_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(NetworkDataError, match=message):
        plan({**config(Ethernet(name="uplink", mac=MAC)), **change}, PORTS)


def test_macs_are_compared_in_one_spelling():
    data = {"links": [{"id": "p", "type": "phy", "ethernet_mac_address": "52-54-00-AA-00-01"}]}
    assert macs(data) == {MAC}
    assert "link set dev enp1s0 up" in plan(data, PORTS).commands


@given(
    address=st.ip_addresses(),
    data=st.data(),
)
def test_every_address_keeps_its_prefix_however_the_mask_is_written(address: Any, data: st.DataObject):
    length = data.draw(st.integers(0, address.max_prefixlen))
    interface = ipaddress.ip_interface(f"{address}/{length}")
    mask = data.draw(st.sampled_from([str(interface.netmask), str(length)]))
    network = {
        "id": "n",
        "type": f"ipv{address.version}",
        "link": "p",
        "ip_address": str(address),
        "netmask": mask,
    }
    links = [{"id": "p", "type": "phy", "ethernet_mac_address": MAC}]
    line = plan({"links": links, "networks": [network]}, PORTS).commands[-1]
    assert line.split()[2] == interface.with_prefixlen
