"""Keys of a network: the short form for one link, the full form for anything else."""

from __future__ import annotations

from functools import partial
from typing import Annotated, TypeAlias

from pydantic import Field

from bmctl.inventory import text_values
from bmctl.inventory.keys.base import Between, Keys, Line, OneOrMany, described, reads
from bmctl.model.network import Address, BondMode, Interface, Prefix

Mac: TypeAlias = Annotated[str, reads(text_values.mac), described(examples=("52:54:00:12:34:56",))]
IpAddress: TypeAlias = Annotated[
    Address, reads(text_values.address), described(examples=("192.0.2.1", "2001:db8::1"))
]
IpInterface: TypeAlias = Annotated[
    Interface | Address,
    reads(text_values.interface),
    described(examples=("192.0.2.11/24", "2001:db8::11/64")),
]
IpPrefix: TypeAlias = Annotated[Prefix, reads(text_values.prefix), described(examples=("192.0.2.0/24",))]
Destination: TypeAlias = Annotated[
    Prefix | str, reads(text_values.destination), described(examples=("198.51.100.0/24", "default"))
]
Domain: TypeAlias = Annotated[str, reads(text_values.hostname), described(examples=("example.org",))]
LinkName: TypeAlias = Annotated[str, reads(text_values.link_name), described(examples=("nic0", "bond0"))]
Mode: TypeAlias = Annotated[
    BondMode,
    reads(partial(text_values.choice, kind=BondMode)),
    described(enum=[mode.value for mode in BondMode]),
]
Mtu: TypeAlias = Annotated[int, Between(576, 65535)]
VlanId: TypeAlias = Annotated[int, Between(1, 4094)]
Miimon: TypeAlias = Annotated[int, Between(0, 60_000)]

GATEWAY = "The default gateway, one per address family"
ROUTES = "Further routes"
DNS = "Name servers"
SEARCH = "Search domains"
MTU = "The largest packet, in bytes, of every link"
PREFIX = "Networks that give a prefix length to addresses written without one"
ADDRESS = "Static addresses with prefix length; bmctl reaches the machine at the first one"


class RouteKeys(Keys):
    """One route."""

    to: Destination | None = Field(None, description="The network it leads to, or `default`")
    via: IpAddress | None = Field(None, description="The gateway it goes through")


class BondKeys(Keys):
    """Ports joined into one link, in the short form."""

    mode: Mode = Field(BondMode.LACP, description="Linux bonding mode")
    macs: OneOrMany[Mac] = Field((), description="MACs of the ports that are joined")
    miimon: Miimon = Field(100, description="Milliseconds between looks at the ports' carriers")
    transmit_hash_policy: Line | None = Field(None, description="How packets are spread, such as layer3+4")


class LinkKeys(Keys):
    """One link of the full form: a port (mac), a bond (members) or a VLAN (vlan and link)."""

    name: LinkName | None = Field(None, description="What the link is called; it is found by its MAC")
    mac: Mac | None = Field(
        None, description="MAC of a port; of a bond or VLAN where it differs from the first port's"
    )
    mtu: Mtu | None = Field(None, description="The largest packet, in bytes")
    members: OneOrMany[LinkName] = Field((), description="Names of the ports that a bond joins")
    mode: Mode | None = Field(None, description="Linux bonding mode; 802.3ad where not given")
    miimon: Miimon | None = Field(None, description="Milliseconds between looks at the ports' carriers; 100")
    transmit_hash_policy: Line | None = Field(
        None, description="How a bond spreads packets, such as layer3+4"
    )
    vlan: VlanId | None = Field(None, description="VLAN id")
    link: LinkName | None = Field(None, description="Name of the link that a VLAN runs over")


class AttachmentKeys(Keys):
    """Addresses and routes of one link of the full form."""

    link: LinkName | None = Field(None, description="Name of the link")
    address: OneOrMany[IpInterface] = Field((), description=ADDRESS)
    prefix: OneOrMany[IpPrefix] = Field((), description=PREFIX)
    gateway: OneOrMany[IpAddress] = Field((), description=GATEWAY)
    routes: tuple[RouteKeys, ...] = Field((), description=ROUTES)


class SharedNetworkKeys(Keys):
    """What machines of one network have in common; an entry of `networks`."""

    prefix: OneOrMany[IpPrefix] = Field((), description=PREFIX)
    gateway: OneOrMany[IpAddress] = Field((), description=GATEWAY)
    routes: tuple[RouteKeys, ...] = Field((), description=ROUTES)
    dns: OneOrMany[IpAddress] = Field((), description=DNS)
    search: OneOrMany[Domain] = Field((), description=SEARCH)
    mtu: Mtu | None = Field(None, description=MTU)
    vlan: VlanId | None = Field(None, description="VLAN id the machines' packets are tagged with")
    bond: BondKeys | None = Field(None, description="How ports are joined into one link")


class NetworkKeys(SharedNetworkKeys):
    """A machine's network."""

    use: Line | None = Field(None, description="Name of an entry of `networks` whose keys are taken over")
    mac: Mac | None = Field(None, description="MAC of the machine's port")
    address: OneOrMany[IpInterface] = Field((), description=ADDRESS)
    links: tuple[LinkKeys, ...] = Field(
        (), description="Full form: every link, each after those it is made of"
    )
    attachments: tuple[AttachmentKeys, ...] = Field(
        (), description="Full form: addresses and routes per link"
    )
