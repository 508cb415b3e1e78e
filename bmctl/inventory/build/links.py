"""Ports, bonds and VLANs of a machine, from either form of its network."""

from __future__ import annotations

from collections.abc import Sequence

from bmctl.inventory.keys.network import BondKeys, LinkKeys, NetworkKeys
from bmctl.inventory.report import Notes
from bmctl.inventory.text_values import close_match
from bmctl.model.network import Bond, BondMode, Ethernet, Link, Vlan


def build_links(keys: NetworkKeys, notes: Notes) -> tuple[Link, ...]:
    """Every link, each after those it is made of; fewer where something was wrong."""
    if not keys.links:
        return _short(keys, notes)
    for name in ("mac", "vlan", "bond"):
        if getattr(keys, name) is not None:
            notes.wrong(name, message="belongs to the short form and cannot stand beside links")
    return _full(keys.links, keys.mtu, notes)


def _short(keys: NetworkKeys, notes: Notes) -> tuple[Link, ...]:
    links: list[Link] = list(_ports(keys, notes))
    if not links:
        return ()
    if keys.bond:
        links.append(_bond(keys.bond, keys, links))
    if keys.vlan:
        links.append(_vlan(keys.vlan, keys.mtu, links[-1]))
    return tuple(links)


def _ports(keys: NetworkKeys, notes: Notes) -> tuple[Ethernet, ...]:
    macs = keys.bond.macs if keys.bond else ()
    if not macs and keys.mac:
        macs = (keys.mac,)
    if not macs:
        notes.missing(*(("bond", "macs") if keys.bond else ("mac",)))
    for position, mac in enumerate(macs):
        if mac in macs[:position]:
            notes.wrong("bond", "macs", position, message=f"MAC {mac} is given twice")
    return tuple(Ethernet(name=f"nic{number}", mac=mac, mtu=keys.mtu) for number, mac in enumerate(macs))


def _bond(bond: BondKeys, keys: NetworkKeys, ports: Sequence[Link]) -> Bond:
    return Bond(
        name="bond0",
        mac=keys.mac or ports[0].mac,
        members=tuple(port.name for port in ports),
        mode=bond.mode,
        miimon=bond.miimon,
        transmit_hash_policy=bond.transmit_hash_policy,
        mtu=keys.mtu,
    )


def _vlan(vlan_id: int, mtu: int | None, below: Link) -> Vlan:
    return Vlan(name=f"{below.name}.{vlan_id}", mac=below.mac, link=below.name, vlan_id=vlan_id, mtu=mtu)


def _full(given: tuple[LinkKeys, ...], mtu: int | None, notes: Notes) -> tuple[Link, ...]:
    made: dict[str, Link] = {}
    named = _named(given, notes)
    for make in (_port, _full_bond, _full_vlan):
        for position, keys in named:
            link = make(keys, made, mtu, notes.within("links", position))
            if link:
                made[link.name] = link
    return tuple(made.values())


def _named(given: tuple[LinkKeys, ...], notes: Notes) -> list[tuple[int, LinkKeys]]:
    names: set[str] = set()
    for position, keys in enumerate(given):
        if keys.name is None:
            notes.missing("links", position, "name")
        elif keys.name in names:
            notes.wrong("links", position, "name", message=f'another link is called "{keys.name}" too')
        names.add(keys.name or "")
    return [(position, keys) for position, keys in enumerate(given) if keys.name]


def _is_port(keys: LinkKeys) -> bool:
    return not keys.members and keys.vlan is None


def _port(keys: LinkKeys, made: dict[str, Link], mtu: int | None, notes: Notes) -> Link | None:
    del made
    if not _is_port(keys):
        return None
    for name in ("mode", "miimon", "transmit_hash_policy"):
        if getattr(keys, name) is not None:
            notes.wrong(name, message="belongs to a bond, which has members")
    if keys.link is not None:
        notes.missing("vlan", message="is missing: a link over another one has a VLAN id")
        return None
    if keys.mac is None:
        notes.missing(
            "mac", message="is missing: a port is found by its MAC, a bond has members, a VLAN has vlan"
        )
        return None
    return Ethernet(name=keys.name or "", mac=keys.mac, mtu=keys.mtu or mtu)


def _full_bond(keys: LinkKeys, made: dict[str, Link], mtu: int | None, notes: Notes) -> Link | None:
    if not keys.members:
        return None
    if keys.vlan is not None:
        notes.wrong("vlan", message="a bond has no VLAN id; add a link with vlan over it")
    members = [_member(name, made, notes, position) for position, name in enumerate(keys.members)]
    ports = [member for member in members if member]
    if len(ports) < len(keys.members):
        return None
    return Bond(
        name=keys.name or "",
        mac=keys.mac or ports[0].mac,
        members=keys.members,
        mode=keys.mode or BondMode.LACP,
        miimon=100 if keys.miimon is None else keys.miimon,
        transmit_hash_policy=keys.transmit_hash_policy,
        mtu=keys.mtu or mtu,
    )


def _member(name: str, made: dict[str, Link], notes: Notes, position: int) -> Ethernet | None:
    bonds = [link for link in made.values() if isinstance(link, Bond)]
    if taken := [bond.name for bond in bonds if name in bond.members]:
        notes.wrong("members", position, message=f'"{name}" already belongs to {taken[0]}')
        return None
    ports = {link.name: link for link in made.values() if isinstance(link, Ethernet)}
    if name not in ports:
        notes.wrong(
            "members", position, message=f'there is no port called "{name}"{close_match(name, ports)}'
        )
    return ports.get(name)


def _full_vlan(keys: LinkKeys, made: dict[str, Link], mtu: int | None, notes: Notes) -> Link | None:
    if keys.vlan is None or keys.members:
        return None
    if keys.link is None:
        notes.missing("link", message="is missing: a VLAN runs over another link")
        return None
    below = made.get(keys.link)
    if below is None or isinstance(below, Vlan):
        usable = [link.name for link in made.values() if not isinstance(link, Vlan)]
        message = f'there is no port or bond called "{keys.link}"{close_match(keys.link, usable)}'
        notes.wrong("link", message=message)
        return None
    if keys.mtu and below.mtu and keys.mtu > below.mtu:
        notes.wrong("mtu", message=f"{keys.mtu} is more than the {below.mtu} of {below.name} below it")
    return Vlan(
        name=keys.name or "",
        mac=keys.mac or below.mac,
        link=below.name,
        vlan_id=keys.vlan,
        mtu=keys.mtu or mtu,
    )


def free_links(links: tuple[Link, ...]) -> dict[str, Link]:
    """The links that can have addresses: all but the ports of bonds."""
    bonded = {name for link in links if isinstance(link, Bond) for name in link.members}
    return {link.name: link for link in links if link.name not in bonded}
