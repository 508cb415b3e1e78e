"""What the kernel's command line says of the network."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

from bmctl.media.kernel_line import split_line
from bmctl.media.kernel_network import network_parameters
from bmctl.model.network import Attachment, Bond, Ethernet, NetworkConfig, Route, Vlan

PORT = Ethernet(name="nic0", mac="52:54:00:00:00:01", mtu=9000)
OTHER = Ethernet(name="nic1", mac="52:54:00:00:00:02")


def default(gateway: str) -> Route:
    address = ip_address(gateway)
    return Route(destination=ip_network("0.0.0.0/0" if address.version == 4 else "::/0"), gateway=address)


def at(link: str, *addresses: str, routes: tuple[Route, ...] = ()) -> Attachment:
    return Attachment(link=link, addresses=tuple(map(ip_interface, addresses)), routes=routes)


def test_both_families_with_their_gateways():
    routes = (
        Route(destination=ip_network("198.51.100.0/24"), gateway=ip_address("192.0.2.9")),
        default("192.0.2.1"),
        default("2001:db8::1"),
    )
    addresses = ("192.0.2.11/24", "2001:db8::b/64", "192.0.2.12/24")
    network = NetworkConfig(links=(PORT,), attachments=(at("nic0", *addresses, routes=routes),))
    words = network_parameters(network)
    assert words == (
        "ifname=bmctl0:52:54:00:00:00:01",
        "ip=192.0.2.11::192.0.2.1:255.255.255.0::bmctl0:none:9000",
        "ip=[2001:db8::b]::[2001:db8::1]:64::bmctl0:none:9000",
        "ip=192.0.2.12:::255.255.255.0::bmctl0:none:9000",
    )
    assert split_line(" ".join(words)) == words


def test_each_port_has_a_name_of_its_own():
    attachments = (at("nic1", "192.0.2.11/24"), at("nic0", "198.51.100.11/24"))
    words = network_parameters(NetworkConfig(links=(PORT, OTHER), attachments=attachments))
    assert [word for word in words if word.startswith("ifname=")] == [
        f"ifname=bmctl0:{OTHER.mac}",
        f"ifname=bmctl1:{PORT.mac}",
    ]


def test_bonds_and_vlans_are_left_to_the_network_data():
    bond = Bond(name="bond0", mac=PORT.mac, members=("nic0", "nic1"))
    vlan = Vlan(name="v7", mac=PORT.mac, link="bond0", vlan_id=7)
    attachments = (at("bond0", "192.0.2.11/24"), at("v7", "198.51.100.11/24"))
    assert network_parameters(NetworkConfig(links=(PORT, OTHER, bond, vlan), attachments=attachments)) == ()


def test_the_operators_own_word_is_the_only_one():
    network = NetworkConfig(links=(PORT,), attachments=(at("nic0", "192.0.2.11/24"),))
    assert network_parameters(network, ("quiet ip=dhcp",)) == ()
    assert network_parameters(network, ("quiet", "skip=1")) == network_parameters(network)
