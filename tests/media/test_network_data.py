"""Network data by the rules that its readers have."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.media.network_data import network_data
from bmctl.model.network import Attachment, Bond, BondMode, Ethernet, NetworkConfig, Route, Vlan

MAC = {"type": "string", "pattern": "^([0-9a-f]{2}:){5}[0-9a-f]{2}$"}
TEXT = {"type": "string", "minLength": 1}


def closed(required, **optional):
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": sorted(required),
        "additionalProperties": False,
    }


ROUTE = closed({"network": TEXT, "netmask": TEXT, "gateway": TEXT})
SCHEMA = closed(
    {
        "links": {
            "type": "array",
            "items": {
                "oneOf": [
                    closed(
                        {"id": TEXT, "type": {"const": "phy"}, "ethernet_mac_address": MAC},
                        mtu={"type": "integer"},
                    ),
                    closed(
                        {
                            "id": TEXT,
                            "type": {"const": "bond"},
                            "ethernet_mac_address": MAC,
                            "bond_links": {"type": "array", "items": TEXT},
                            "bond_mode": {"enum": [str(mode) for mode in BondMode]},
                        },
                        mtu={"type": "integer"},
                        bond_miimon={"type": "integer"},
                        bond_xmit_hash_policy=TEXT,
                    ),
                    closed(
                        {
                            "id": TEXT,
                            "type": {"const": "vlan"},
                            "vlan_id": {"type": "integer", "minimum": 1, "maximum": 4094},
                            "vlan_link": TEXT,
                            "vlan_mac_address": MAC,
                        },
                        mtu={"type": "integer"},
                    ),
                ]
            },
        },
        "networks": {
            "type": "array",
            "items": {
                "oneOf": [
                    closed(
                        {
                            "id": TEXT,
                            "network_id": TEXT,
                            "link": TEXT,
                            "type": {"const": kind},
                            # An IPv4 address with a prefix is invalid.
                            "ip_address": {"type": "string", "pattern": f"^[{characters}]+$"},
                            "netmask": {"type": "string", "pattern": f"^[{characters}]+$"},
                            "routes": {"type": "array", "items": ROUTE},
                        }
                    )
                    # From Python 3.13 on, an IPv4 address mapped into IPv6 has dots.
                    for kind, characters in (("ipv4", "0-9."), ("ipv6", "0-9a-f:."))
                ]
            },
        },
        "services": {"type": "array", "items": closed({"type": {"const": "dns"}, "address": TEXT})},
    }
)


def test_everything_at_once(network):
    data = network_data(network)
    jsonschema.validate(data, SCHEMA)
    assert [link["id"] for link in data["links"]] == ["nic0", "nic1", "bond0", "bond0.120"]
    assert data["links"][2] == {
        "id": "bond0",
        "type": "bond",
        "ethernet_mac_address": "52:54:00:00:00:01",
        "bond_links": ["nic0", "nic1"],
        "bond_mode": "802.3ad",
        "bond_miimon": 100,
        "bond_xmit_hash_policy": "layer3+4",
    }
    assert [(each["ip_address"], each["netmask"]) for each in data["networks"]] == [
        ("192.0.2.10", "255.255.255.0"),
        ("192.0.2.11", "255.255.255.0"),
        ("2001:db8::10", "ffff:ffff:ffff:ffff::"),
    ]
    assert [len(each["routes"]) for each in data["networks"]] == [1, 0, 1]
    assert data["networks"][2]["routes"] == [{"network": "::", "netmask": "::", "gateway": "2001:db8::1"}]
    assert data["services"] == [
        {"type": "dns", "address": "192.0.2.53"},
        {"type": "dns", "address": "2001:db8::53"},
    ]


def test_least_of_all():
    bare = NetworkConfig(
        links=(Ethernet(name="nic0", mac="52:54:00:00:00:01"),),
        attachments=(Attachment(link="nic0", addresses=(ip_interface("10.0.0.2/31"),)),),
    )
    data = network_data(bare)
    jsonschema.validate(data, SCHEMA)
    assert data["networks"][0]["netmask"] == "255.255.255.254"
    assert data["services"] == []


@pytest.mark.parametrize("mode", list(BondMode))
def test_every_bond_mode(mode):
    mac = "52:54:00:00:00:01"
    config = NetworkConfig(
        links=(Ethernet(name="a", mac=mac), Bond(name="b", mac=mac, members=("a",), mode=mode)),
        attachments=(Attachment(link="b", addresses=(ip_interface("10.0.0.2/24"),)),),
    )
    jsonschema.validate(network_data(config), SCHEMA)


@st.composite
def configs(draw):
    mac = "52:54:00:00:00:01"
    links = [Ethernet(name="nic0", mac=mac, mtu=draw(st.none() | st.integers(1280, 9216)))]
    if draw(st.booleans()):
        links.append(Vlan(name="v", mac=mac, link="nic0", vlan_id=draw(st.integers(1, 4094))))
    addresses = st.one_of(
        st.builds(lambda ip, prefix: ip_interface((ip, prefix)), st.ip_addresses(v=4), st.integers(1, 32)),
        st.builds(lambda ip, prefix: ip_interface((ip, prefix)), st.ip_addresses(v=6), st.integers(1, 128)),
    )
    attachments = tuple(
        Attachment(
            link=link.name,
            addresses=tuple(draw(st.lists(addresses, min_size=1, max_size=4))),
            routes=(Route(destination=ip_network("10.0.0.0/8"), gateway=ip_address("10.1.1.1")),),
        )
        for link in links
    )
    return NetworkConfig(
        links=tuple(links), attachments=attachments, dns=tuple(draw(st.lists(st.ip_addresses(), max_size=3)))
    )


@given(configs())
def test_always_valid_and_nothing_is_lost(config):
    data = network_data(config)
    jsonschema.validate(data, SCHEMA)
    assert len({each["id"] for each in data["networks"]}) == len(data["networks"])
    found = [ip_address(each["ip_address"]) for each in data["networks"]]
    assert found == [address.ip for address in config.addresses]
