"""A network in the words that the ramdisk's glean and the deployed system's cloud-init both read.

The format is OpenStack's network metadata (`network_data.json`): `links`, `networks` and `services`,
all three always there. Readers find ports by MAC; the ids are only names.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from bmctl.model.network import (
    Address,
    Attachment,
    Bond,
    Ethernet,
    Interface,
    Link,
    NetworkConfig,
    Route,
    Vlan,
)

Json: TypeAlias = dict[str, Any]


def network_data(config: NetworkConfig) -> Json:
    """The network as JSON values; every address of a link is a network of its own.

    An IPv4 address stands without its prefix and has a netmask; IPv6 is written the same way, since
    readers take both. Routes go with the first address of their family on their link.
    """
    return {
        "links": [_link(link) for link in config.links],
        "networks": [network for attachment in config.attachments for network in _networks(attachment)],
        "services": [_service(address) for address in config.dns],
    }


def _link(link: Link) -> Json:
    match link:
        case Ethernet():
            known: Json = {"id": link.name, "type": "phy", "ethernet_mac_address": link.mac}
        case Bond():
            known = _bond(link)
        case Vlan():
            known = {
                "id": link.name,
                "type": "vlan",
                "vlan_id": link.vlan_id,
                "vlan_link": link.link,
                "vlan_mac_address": link.mac,
            }
    return known if link.mtu is None else {**known, "mtu": link.mtu}


def _bond(link: Bond) -> Json:
    known: Json = {
        "id": link.name,
        "type": "bond",
        "ethernet_mac_address": link.mac,
        "bond_links": list(link.members),
        "bond_mode": str(link.mode),
        "bond_miimon": link.miimon,
    }
    if link.transmit_hash_policy is not None:
        known["bond_xmit_hash_policy"] = link.transmit_hash_policy
    return known


def _networks(attachment: Attachment) -> list[Json]:
    networks = []
    families: set[int] = set()
    for number, address in enumerate(attachment.addresses):
        first = address.version not in families
        families.add(address.version)
        routes = [route for route in attachment.routes if route.destination.version == address.version]
        networks.append(_network(attachment.link, number, address, routes if first else []))
    return networks


def _network(link: str, number: int, address: Interface, routes: list[Route]) -> Json:
    name = f"{link}-{number}"
    return {
        "id": name,
        "network_id": name,
        "type": f"ipv{address.version}",
        "link": link,
        "ip_address": str(address.ip),
        "netmask": str(address.netmask),
        "routes": [_route(route) for route in routes],
    }


def _route(route: Route) -> Json:
    return {
        "network": str(route.destination.network_address),
        "netmask": str(route.destination.netmask),
        "gateway": str(route.gateway),
    }


def _service(address: Address) -> Json:
    return {"type": "dns", "address": str(address)}
