"""A machine's whole network."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.inventory.build.attachments import DEFAULT, build_attachment, unusable
from bmctl.inventory.build.claims import Claims
from bmctl.inventory.build.links import build_links, free_links
from bmctl.inventory.keys.network import NetworkKeys
from bmctl.inventory.report import Notes
from bmctl.inventory.text_values import close_match
from bmctl.inventory.tree import Location
from bmctl.model.network import Attachment, Link, NetworkConfig

# RFC 8200, 5: every link that carries IPv6 takes packets of 1280 bytes.
IPV6_MTU = 1280


def build_network(keys: NetworkKeys, notes: Notes) -> NetworkConfig | None:
    """The network as it is baked into the boot medium; None where something is wrong with it."""
    links = build_links(keys, notes)
    attachments = _attachments(keys, links, notes)
    for position, server in enumerate(keys.dns):
        if problem := unusable(server):
            notes.wrong("dns", position, message=problem)
    if not links or not attachments:
        return None
    _check_mtu(links, attachments, notes)
    return NetworkConfig(links=links, attachments=attachments, dns=keys.dns, search=keys.search)


def claim(keys: NetworkKeys, claims: Claims, holder: str, notes: Notes) -> None:
    """Note where another machine has one of this network's MACs or addresses."""
    for steps, mac in _macs(keys):
        claims.claim("MAC", mac, holder=holder, notes=notes, steps=steps)
    for steps, address in _addresses(keys):
        claims.claim("address", str(address).partition("/")[0], holder=holder, notes=notes, steps=steps)


def _macs(keys: NetworkKeys) -> Iterator[tuple[Location, str]]:
    if keys.mac:
        yield ("mac",), keys.mac
    for position, mac in enumerate(keys.bond.macs if keys.bond else ()):
        yield ("bond", "macs", position), mac
    for position, link in enumerate(keys.links):
        if link.mac:
            yield ("links", position, "mac"), link.mac


def _addresses(keys: NetworkKeys) -> Iterator[tuple[Location, object]]:
    for position, address in enumerate(keys.address):
        yield ("address", position), address
    for at, attachment in enumerate(keys.attachments):
        for position, address in enumerate(attachment.address):
            yield ("attachments", at, "address", position), address


def _attachments(keys: NetworkKeys, links: tuple[Link, ...], notes: Notes) -> tuple[Attachment, ...]:
    if not keys.attachments:
        link = next(reversed(free_links(links)), "")
        single = build_attachment(keys, keys.prefix, link, notes)
        return (single,) if single else ()
    for name in ("address", "gateway", "routes"):
        if getattr(keys, name):
            notes.wrong(name, message="belongs to the short form and cannot stand beside attachments")
    made = [_attachment(keys, position, links, notes) for position in range(len(keys.attachments))]
    attachments = tuple(attachment for attachment in made if attachment)
    _check_defaults(attachments, notes)
    return attachments if len(attachments) == len(made) else ()


def _attachment(keys: NetworkKeys, position: int, links: tuple[Link, ...], notes: Notes) -> Attachment | None:
    given, place = keys.attachments[position], notes.within("attachments", position)
    usable = free_links(links)
    if given.link is None:
        place.missing("link")
    elif given.link not in usable and len(links) >= len(keys.links):
        place.wrong(
            "link", message=f'there is no link "{given.link}" for addresses{close_match(given.link, usable)}'
        )
    return build_attachment(given, (*given.prefix, *keys.prefix), given.link or "", place)


def _check_defaults(attachments: tuple[Attachment, ...], notes: Notes) -> None:
    seen: set[object] = set()
    for position, attachment in enumerate(attachments):
        for route in attachment.routes:
            if route.destination in seen and route.destination in DEFAULT.values():
                message = f"{route.gateway} is a second gateway for IPv{route.gateway.version}"
                notes.wrong("attachments", position, "gateway", message=message)
            seen.add(route.destination)


def _check_mtu(links: tuple[Link, ...], attachments: tuple[Attachment, ...], notes: Notes) -> None:
    six = {item.link for item in attachments for address in item.addresses if address.version == 6}
    for link in links:
        if link.name in six and link.mtu and link.mtu < IPV6_MTU:
            at = notes.mark("mtu")
            notes.report.about_value(at, f"{link.mtu} is too small for IPv6, which needs {IPV6_MTU}")
