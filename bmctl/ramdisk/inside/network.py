"""Turns network metadata (`network_data.json`) into commands for `ip -batch`.

Static addresses only: nothing here asks the network for anything. Ports are found by MAC, and links that
are made here are called by their id.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Json = Mapping[str, Any]

LONGEST_NAME: Final = 15
"""Characters of an interface name (IFNAMSIZ less its closing zero)."""
BOND_OPTIONS: Final = (
    ("bond_xmit_hash_policy", "xmit_hash_policy"),
    ("bond_lacp_rate", "lacp_rate"),
    ("bond_updelay", "updelay"),
    ("bond_downdelay", "downdelay"),
)
DEFAULT_MIIMON: Final = 100
"""Milliseconds between looks at a bond member's carrier; without it a bond never notices a dead member."""


class NetworkDataError(ValueError):
    """The network data cannot be applied; says why."""


@dataclass(frozen=True)
class NetworkPlan:
    """What to do: lines for `ip -batch` in order, and the name servers."""

    commands: tuple[str, ...]
    servers: tuple[str, ...] = ()


@dataclass
class _Names:
    """Interface names by link id; made unique and short enough for the kernel."""

    ports: Mapping[str, str]
    by_link: dict[str, str] = field(default_factory=dict)

    def made(self, link: Json, fallback: str) -> str:
        wanted = re.sub(r"[^A-Za-z0-9_.-]", "-", str(link["id"]))
        taken = {*self.ports.values(), *self.by_link.values(), "lo", ".", ".."}
        fits = wanted if 0 < len(wanted) <= LONGEST_NAME and wanted not in taken else fallback
        name, number = fits, 0
        while name in taken:
            number += 1
            name = f"{fits[: LONGEST_NAME - 4]}-{number}"
        return name

    def of(self, link: str) -> str:
        if link not in self.by_link:
            raise NetworkDataError(f"no link is called {link}")
        return self.by_link[link]


def macs(data: Json) -> frozenset[str]:
    """The MACs of the physical ports that the data speaks of."""
    return frozenset(_mac(link) for link in _links(data) if _is_port(link))


def plan(data: Json, ports: Mapping[str, str]) -> NetworkPlan:
    """The commands for a machine whose interfaces are `ports`, MAC to name.

    Raises NetworkDataError where the data speaks of a port that is not there, asks for DHCP, or makes no
    sense.
    """
    names = _Names(ports={mac.lower(): name for mac, name in ports.items()})
    links = _ordered(_links(data))
    mtus = _mtus(links)
    commands = ["link set dev lo up"]
    for link in links:
        commands += _link_commands(link, links, names, mtus)
    commands += _address_commands(data, names)
    commands += _route_commands(data, names)
    return NetworkPlan(commands=tuple(commands), servers=tuple(dict.fromkeys(_servers(data))))


def _links(data: Json) -> Sequence[Json]:
    links: Sequence[Json] = data.get("links") or ()
    return links


def _networks(data: Json) -> Iterator[Json]:
    for network in data.get("networks") or ():
        if "dhcp" in network["type"]:
            raise NetworkDataError(f"network {network['id']} wants {network['type']}, and DHCP is never used")
        if network["type"] in {"ipv4", "ipv6"}:
            yield network


def _is_port(link: Json) -> bool:
    return link["type"] not in {"bond", "vlan"}


def _mac(link: Json) -> str:
    mac = link.get("ethernet_mac_address") or link.get("vlan_mac_address") or ""
    return str(mac).lower().replace("-", ":")


def _needs(link: Json) -> tuple[str, ...]:
    """The ids of the links a link is made of."""
    match link["type"]:
        case "bond":
            return tuple(link["bond_links"])
        case "vlan":
            return (link["vlan_link"],)
        case _:
            return ()


def _ordered(links: Sequence[Json]) -> list[Json]:
    """Links after those they are made of."""
    ordered: list[Json] = []
    left = list(links)
    while left:
        known = {link["id"] for link in ordered}
        ready = [link for link in left if known.issuperset(_needs(link))]
        if not ready:
            raise NetworkDataError(f"link {left[0]['id']} is made of links that are not there")
        ordered += ready
        left = [link for link in left if link not in ready]
    return ordered


def _mtus(links: Sequence[Json]) -> dict[str, int]:
    """Each link's MTU; one that carries another is at least as wide as what it carries."""
    mtus = {link["id"]: int(link["mtu"]) for link in links if link.get("mtu")}
    for link in reversed(links):
        for below in _needs(link):
            if link["id"] in mtus:
                mtus[below] = max(mtus.get(below, 0), mtus[link["id"]])
    return mtus


def _link_commands(
    link: Json, links: Sequence[Json], names: _Names, mtus: Mapping[str, int]
) -> Iterator[str]:
    match link["type"]:
        case "bond":
            yield from _bond_commands(link, names)
        case "vlan":
            parent, number = names.of(link["vlan_link"]), int(link["vlan_id"])
            name = names.made(link, f"{parent[:10]}.{number}")
            names.by_link[link["id"]] = name
            yield f"link add link {parent} name {name}{_with_mac(link)} type vlan id {number}"
        case _:
            mac = _mac(link)
            if mac not in names.ports:
                raise NetworkDataError(f"no interface has the MAC {mac} of link {link['id']}")
            names.by_link[link["id"]] = names.ports[mac]
    name = names.by_link[link["id"]]
    if (mtu := mtus.get(link["id"])) is not None:
        yield f"link set dev {name} mtu {mtu}"
    if not _is_member(link, links):
        yield f"link set dev {name} up"


def _is_member(link: Json, links: Sequence[Json]) -> bool:
    """Bonds bring their members up."""
    return any(link["id"] in other["bond_links"] for other in links if other["type"] == "bond")


def _with_mac(link: Json) -> str:
    return f" address {mac}" if (mac := _mac(link)) else ""


def _bond_commands(link: Json, names: _Names) -> Iterator[str]:
    name = names.made(link, "bond0")
    names.by_link[link["id"]] = name
    miimon = link.get("bond_miimon") or DEFAULT_MIIMON
    options = "".join(f" {word} {link[key]}" for key, word in BOND_OPTIONS if link.get(key) is not None)
    yield (
        f"link add name {name}{_with_mac(link)} type bond mode {link['bond_mode']} miimon {miimon}{options}"
    )
    for member in link["bond_links"]:
        # The kernel takes a member only while it is down.
        yield f"link set dev {names.of(member)} down"
        yield f"link set dev {names.of(member)} master {name}"


def _interface(network: Json) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    text = str(network["ip_address"])
    if "/" not in text:
        text = f"{text}/{_prefix_length(str(network['netmask']))}"
    return ipaddress.ip_interface(text)


def _prefix_length(netmask: str) -> int:
    """Netmasks come as 255.255.255.0, as ffff:ffff:: and as a plain number."""
    if netmask.isdigit():
        return int(netmask)
    if ":" in netmask:
        return int(ipaddress.IPv6Address(netmask)).bit_count()
    return int(ipaddress.IPv4Address(netmask)).bit_count()


def _address_commands(data: Json, names: _Names) -> Iterator[str]:
    for network in _networks(data):
        interface = _interface(network)
        # Duplicate address detection would hold an IPv6 address back for a second or more (RFC 4862, 5.4).
        extra = " nodad" if interface.version == 6 else ""
        yield f"address replace {interface.with_prefixlen} dev {names.of(network['link'])}{extra}"


def _route_commands(data: Json, names: _Names) -> Iterator[str]:
    """Routes in order; of several to one destination the first wins, the others stand behind it."""
    seen: dict[str, int] = {}
    for network in _networks(data):
        interface = _interface(network)
        for route in network.get("routes") or ():
            target = f"{route['network']}/{_prefix_length(str(route['netmask']))}"
            metric = seen[target] = seen.get(target, 99) + 1
            gateway = ipaddress.ip_address(route["gateway"])
            onlink = "" if gateway in interface.network or gateway.is_link_local else " onlink"
            device = names.of(network["link"])
            yield f"route replace {target} via {gateway} dev {device} metric {metric}{onlink}"


def _servers(data: Json) -> Iterator[str]:
    networks = data.get("networks") or ()
    places = [data, *networks, *(route for network in networks for route in network.get("routes") or ())]
    for place in places:
        for service in place.get("services") or ():
            if service["type"] == "dns":
                yield str(service["address"])
