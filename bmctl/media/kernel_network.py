"""The network in the kernel's command line, for ramdisks that take it from there.

The network data on the medium says all, and most ramdisks read it (glean does). Debian ramdisks of
ironic-python-agent-builder start systemd-networkd instead, whose generator reads `ip=` and `ifname=`
(systemd-network-generator(8); dracut.cmdline(7) has the same words). Those who read neither pass them by.
Only what systemd 252 understands is said: one word that it refuses makes it drop them all, so that bonds,
VLANs, routes other than the default and name servers stay in the network data alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from bmctl.model.network import Address, Attachment, Ethernet, Interface, NetworkConfig

KEY = "ip="
# A port is renamed, since only its MAC is known; a name like the kernel's or firmware's own could be taken.
PORT_NAME = "bmctl{number}"


def network_parameters(network: NetworkConfig, parameters: Iterable[str] = ()) -> tuple[str, ...]:
    """Words for the addresses that stand on plain ports.

    None at all where the operator's own `parameters` have an `ip=`.
    """
    if any(word.startswith(KEY) for parameter in parameters for word in parameter.split()):
        return ()
    ports = {link.name: link for link in network.links if isinstance(link, Ethernet)}
    plain = [attachment for attachment in network.attachments if attachment.link in ports]
    return tuple(
        word
        for number, attachment in enumerate(plain)
        for word in _port(ports[attachment.link], attachment, PORT_NAME.format(number=number))
    )


def _port(port: Ethernet, attachment: Attachment, name: str) -> list[str]:
    gateways = {
        route.gateway.version: route.gateway for route in attachment.routes if not route.destination.prefixlen
    }
    # A family's default route is said with its first address alone.
    addresses = [
        _address(address, gateways.pop(address.version, None), name, port.mtu)
        for address in attachment.addresses
    ]
    return [f"ifname={name}:{port.mac}", *addresses]


def _address(address: Interface, gateway: Address | None, name: str, mtu: int | None) -> str:
    """`ip=ADDRESS:PEER:GATEWAY:NETMASK:HOSTNAME:PORT:HOW[:MTU]`; for IPv6 the netmask is a prefix length."""
    mask = str(address.netmask) if address.version == 4 else str(address.network.prefixlen)
    end = "" if mtu is None else f":{mtu}"
    return f"{KEY}{_bracketed(address.ip)}::{_bracketed(gateway)}:{mask}::{name}:none{end}"


def _bracketed(address: Address | None) -> str:
    if address is None:
        return ""
    return f"[{address}]" if address.version == 6 else str(address)
