"""The lab's link: choosing a subnet nobody uses, and the commands that build it.

The operator's host and the machines share one bridge. There is no DHCP server, no router and no
address translation on it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from pathlib import Path

from bmctl.errors import BmctlError
from bmctl.lab.domain import tap_name
from bmctl.lab.record import LabNetwork, LabNode

HIGHEST_NUMBER = 250
BRIDGE = "lan"
UPLINK = "uplink"
Command = tuple[str, ...]


def subnet(number: int) -> IPv4Network:
    """The IPv4 subnet of the lab with that number."""
    return IPv4Network(f"10.213.{number}.0/24")


def subnet6(number: int) -> IPv6Network:
    """The unique local IPv6 subnet (RFC 4193) of the lab with that number."""
    return IPv6Network(f"fd62:6d63:746c:{number:x}::/64")


def interface_name(number: int) -> str:
    """The operator's end of the link to the lab with that number."""
    return f"bmlab{number}"


def choose_network(
    *, number: int | None, inside: bool, routes: tuple[IPv4Network, ...], with_ipv6: bool
) -> LabNetwork:
    """The first lab number whose subnet no route of the host touches, or the one asked for.

    `inside` puts the operator's address into the capsule. Raises BmctlError where nothing is free.
    """
    candidates = (number,) if number is not None else tuple(range(HIGHEST_NUMBER))
    for candidate in candidates:
        wanted = subnet(candidate)
        if any(wanted.overlaps(route) for route in routes):
            continue
        hosts6 = subnet6(candidate)
        return LabNetwork(
            number=candidate,
            interface=None if inside else interface_name(candidate),
            operator=str(wanted[1]),
            controller=str(wanted[2]),
            prefix=wanted.prefixlen,
            operator6=str(hosts6[1]) if with_ipv6 else None,
            controller6=str(hosts6[2]) if with_ipv6 else None,
            prefix6=hosts6.prefixlen,
        )
    asked = f"{subnet(number)}" if number is not None else "any subnet of 10.213.0.0/16"
    raise BmctlError(
        f"the lab cannot have {asked}: the host has a route there already",
        hint="see `ip route`; take another lab down, or ask for another lab number",
    )


def host_routes(table: str) -> tuple[IPv4Network, ...]:
    """The destinations in the text of /proc/net/route, but for default and very wide ones.

    A route wider than /9 says nothing about the lab's subnet being in use.
    """
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        destination = IPv4Address(int.from_bytes(bytes.fromhex(fields[1]), "little"))
        mask = IPv4Address(int.from_bytes(bytes.fromhex(fields[7]), "little"))
        network = ip_network(f"{destination}/{mask}")
        if isinstance(network, IPv4Network) and network.prefixlen >= 9:
            found.append(network)
    return tuple(found)


def host_has_ipv6() -> bool:
    """Whether new interfaces of this host get IPv6."""
    switch = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    return switch.exists() and switch.read_text().strip() == "0"


def capsule_commands(network: LabNetwork, nodes: tuple[LabNode, ...]) -> list[Command]:
    """What builds the bridge and the machines' taps inside the capsule."""
    commands: list[Command] = [
        ("ip", "link", "set", "lo", "up"),
        ("ip", "link", "add", "name", BRIDGE, "type", "bridge", "stp_state", "0", "forward_delay", "0"),
    ]
    for node in nodes:
        for nic in range(len(node.macs)):
            tap = tap_name(node, nic)
            commands += [
                ("ip", "tuntap", "add", "dev", tap, "mode", "tap"),
                ("ip", "link", "set", tap, "master", BRIDGE, "up"),
            ]
    commands.append(("ip", "link", "set", BRIDGE, "up"))
    commands += _address_commands(BRIDGE, network.controller, network.controller6, network)
    if network.interface is None:
        commands += _address_commands(BRIDGE, network.operator, network.operator6, network)
    return commands


def uplink_commands(network: LabNetwork, capsule_pid: int) -> list[Command]:
    """What the host runs to join its end of the link; nothing where the operator is inside."""
    if network.interface is None:
        return []
    host = network.interface
    peer = ("peer", "name", UPLINK, "netns", str(capsule_pid))
    return [
        ("ip", "link", "add", "name", host, "type", "veth", *peer),
        ("ip", "link", "set", host, "up"),
        *_address_commands(host, network.operator, network.operator6, network),
    ]


def join_commands(network: LabNetwork) -> list[Command]:
    """What the capsule runs once the host's end exists."""
    if network.interface is None:
        return []
    return [("ip", "link", "set", UPLINK, "master", BRIDGE, "up")]


def _address_commands(link: str, address: str, address6: str | None, network: LabNetwork) -> list[Command]:
    commands: list[Command] = [("ip", "address", "add", f"{address}/{network.prefix}", "dev", link)]
    if address6 is not None:
        # Duplicate address detection would keep the address unusable for a second.
        commands.append(("ip", "address", "add", f"{address6}/{network.prefix6}", "dev", link, "nodad"))
    return commands
