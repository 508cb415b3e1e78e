"""A machine's network as it is baked into its boot medium: links, addresses, routes, name servers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
Prefix = IPv4Network | IPv6Network


class BondMode(StrEnum):
    """Linux bonding modes (kernel Documentation/networking/bonding)."""

    BALANCE_RR = "balance-rr"
    ACTIVE_BACKUP = "active-backup"
    BALANCE_XOR = "balance-xor"
    BROADCAST = "broadcast"
    LACP = "802.3ad"
    BALANCE_TLB = "balance-tlb"
    BALANCE_ALB = "balance-alb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where packets for a destination go; the default route is 0.0.0.0/0 or ::/0."""

    destination: Prefix
    gateway: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Ethernet:
    """A physical port, found by its MAC (lower case, colons)."""

    name: str
    mac: str
    mtu: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """Ports joined into one link; `members` are names of Ethernet links."""

    name: str
    mac: str
    members: tuple[str, ...]
    mode: BondMode = BondMode.LACP
    miimon: int = 100
    transmit_hash_policy: str | None = None
    mtu: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan:
    """A tagged link over the Ethernet or bond link called `link`; `vlan_id` is 1 to 4094."""

    name: str
    mac: str
    link: str
    vlan_id: int
    mtu: int | None = None


Link = Ethernet | Bond | Vlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Addresses and routes that live on the link called `link`."""

    link: str
    addresses: tuple[Interface, ...]
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """All a ramdisk or a deployed system needs to be on its network, with no DHCP.

    `links` is ordered so that a link stands after the links it is made of. The first address of
    the first attachment is the one bmctl uses to reach the machine.
    """

    links: tuple[Link, ...]
    attachments: tuple[Attachment, ...]
    dns: tuple[Address, ...] = ()
    search: tuple[str, ...] = ()

    @property
    def address(self) -> Address:
        """The address at which bmctl reaches the machine."""
        return self.attachments[0].addresses[0].ip

    @property
    def addresses(self) -> tuple[Interface, ...]:
        """Every address the machine will have."""
        return tuple(address for attachment in self.attachments for address in attachment.addresses)

    @property
    def macs(self) -> tuple[str, ...]:
        """The MACs of the physical ports."""
        return tuple(link.mac for link in self.links if isinstance(link, Ethernet))
