"""Addresses and routes of one link: whether they fit together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface, ip_network

from bmctl.inventory.keys.network import AttachmentKeys, NetworkKeys
from bmctl.inventory.report import Notes
from bmctl.model.network import Address, Attachment, Interface, Prefix, Route

DEFAULT = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


def build_attachment(
    keys: NetworkKeys | AttachmentKeys, prefixes: Sequence[Prefix], link: str, notes: Notes
) -> Attachment | None:
    """The addresses and routes of `link`; None where there is no good address."""
    if not keys.address:
        notes.missing("address", message="is missing: with no DHCP the machine needs a static address")
        return None
    addresses = _addresses(keys, prefixes, notes)
    if len(addresses) < len(keys.address):
        return None
    return Attachment(
        link=link,
        addresses=addresses,
        routes=(*_gateways(keys, addresses, notes), *_routes(keys, addresses, notes)),
    )


def _addresses(
    keys: NetworkKeys | AttachmentKeys, prefixes: Sequence[Prefix], notes: Notes
) -> tuple[Interface, ...]:
    found: list[Interface] = []
    for position, given in enumerate(keys.address):
        problem, address = _address(given, prefixes)
        if any(address.ip == other.ip for other in found if address):
            problem = f"{given} is given twice"
        if problem:
            notes.wrong("address", position, message=problem)
        elif address:
            found.append(address)
            if address.is_loopback:
                notes.doubtful(
                    "address", position, message=f"{given} is a loopback address: it leads to no machine"
                )
    return tuple(found)


def _address(given: Interface | Address, prefixes: Sequence[Prefix]) -> tuple[str | None, Interface | None]:
    """What is wrong with an address, and the address with its prefix length."""
    if not isinstance(given, IPv4Interface | IPv6Interface):
        around = [prefix for prefix in prefixes if given in prefix]
        if not around:
            return _without_prefix(given, prefixes), None
        given = _joined(given, max(prefix.prefixlen for prefix in around))
    return unusable(given.ip) or unassignable(given.ip, given.network), given


def _joined(address: Address, length: int) -> Interface:
    if isinstance(address, IPv4Address):
        return IPv4Interface((int(address), length))
    return IPv6Interface((int(address), length))


def _without_prefix(address: Address, prefixes: Sequence[Prefix]) -> str:
    if same := [str(prefix) for prefix in prefixes if prefix.version == address.version]:
        return f"{address} is not in {' or '.join(same)}"
    length = 24 if isinstance(address, IPv4Address) else 64
    return f"{address} has no prefix length; write it as {address}/{length}, or give the network's prefix"


def unusable(address: Address) -> str | None:
    """Why an address can be no machine's, or None."""
    kinds = (
        ("the unspecified address", address.is_unspecified),
        ("a multicast address", address.is_multicast),
        ("the broadcast address", address == IPv4Address("255.255.255.255")),
    )
    kind = next((kind for kind, is_kind in kinds if is_kind), None)
    return f"{address} is {kind}, not one a machine can have" if kind else None


def unassignable(address: Address, network: Prefix) -> str | None:
    """Why an address stands for its whole network, or None (RFC 1122, 3.2.1.3; RFC 4291, 2.6.1)."""
    if network.prefixlen >= network.max_prefixlen - 1:
        return None
    if address == network.network_address:
        return f"{address} is the address of the network {network} itself"
    if network.version == 4 and address == network.broadcast_address:
        return f"{address} is the broadcast address of {network}"
    return None


def _gateways(
    keys: NetworkKeys | AttachmentKeys, addresses: Sequence[Interface], notes: Notes
) -> Iterable[Route]:
    own = {address.version for address in addresses}
    useful = any(gateway.version in own for gateway in keys.gateway)
    families: set[int] = set()
    for position, gateway in enumerate(keys.gateway):
        if useful and gateway.version not in own:
            continue  # a network of both families, and a machine that lives in one of them
        if problem := _unreachable(gateway, addresses):
            notes.wrong("gateway", position, message=problem)
        elif gateway.version in families:
            notes.wrong(
                "gateway", position, message=f"{gateway} is a second gateway for IPv{gateway.version}"
            )
        families.add(gateway.version)
        yield Route(destination=DEFAULT[gateway.version], gateway=gateway)


def _routes(
    keys: NetworkKeys | AttachmentKeys, addresses: Sequence[Interface], notes: Notes
) -> Iterable[Route]:
    taken = {DEFAULT[gateway.version] for gateway in keys.gateway}
    for position, route in enumerate(keys.routes):
        place = notes.within("routes", position)
        if route.to is None:
            place.missing("to")
        if route.via is None:
            place.missing("via")
        if route.to is None or route.via is None:
            continue
        to = DEFAULT[route.via.version] if isinstance(route.to, str) else route.to
        if to.version != route.via.version:
            place.wrong("via", message=f"{route.via} cannot lead to {to}: they are of different families")
        elif problem := _unreachable(route.via, addresses):
            place.wrong("via", message=problem)
        elif to in taken:
            place.wrong("to", message=f"there is another route to {to}")
        taken.add(to)
        yield Route(destination=to, gateway=route.via)


def _unreachable(gateway: Address, addresses: Sequence[Interface]) -> str | None:
    """Why a machine with these addresses cannot send to a gateway, or None."""
    if gateway.version == 6 and gateway.is_link_local:
        return None
    own = [address for address in addresses if address.version == gateway.version]
    around = [address.network for address in own if gateway in address.network]
    if not around:
        where = f"in none of the machine's networks ({', '.join(str(address.network) for address in own)})"
        return (
            f"{gateway} is {where if own else f'of no use: the machine has no IPv{gateway.version} address'}"
        )
    if any(gateway == address.ip for address in own):
        return f"{gateway} is the machine's own address"
    return unassignable(gateway, around[0])
