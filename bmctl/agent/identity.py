"""Proves that the agent which answered runs on the machine that is meant: never write the wrong disk."""

from __future__ import annotations

from bmctl.agent.errors import WrongMachineError
from bmctl.agent.hardware import Hardware
from bmctl.model.network import Bond, Ethernet, NetworkConfig
from bmctl.model.node import Node

# What boards say that were never given a serial number (SMBIOS 7.2 leaves the field free).
MEANINGLESS_SERIALS = frozenset(
    {"", "0", "none", "not specified", "to be filled by o.e.m.", "default string", "unknown"}
)


def verify_machine(hardware: Hardware, node: Node, *, serial: str | None = None) -> None:
    """Raise `WrongMachineError` unless the inventory's MACs are there, and the serial is the controller's.

    `serial` is what the controller says of the machine; where either side gives none, the MACs decide.
    """
    if missing := _missing(node.network, frozenset(hardware.macs)):
        raise WrongMachineError(
            f"another machine answered at {node.network.address}: it has no port {', '.join(missing)}",
            hint=f"its ports are {', '.join(hardware.macs) or 'unknown'}: correct the inventory's MACs",
        )
    if _meaningful(serial) and _meaningful(hardware.serial) and _plain(serial) != _plain(hardware.serial):
        raise WrongMachineError(
            f"another machine answered at {node.network.address}: serial number {hardware.serial},"
            f" where the controller says {serial}",
            hint="check that the controller's address and the machine's MACs belong to one machine",
        )


def _missing(network: NetworkConfig, seen: frozenset[str]) -> list[str]:
    """The MACs that are not there. Ports joined into a bond all show one MAC, that of one of them."""
    mac_of = {link.name: link.mac.lower() for link in network.links if isinstance(link, Ethernet)}
    missing = []
    for bond in (link for link in network.links if isinstance(link, Bond)):
        members = [mac_of.pop(member) for member in bond.members if member in mac_of]
        if seen.isdisjoint([*members, bond.mac.lower()]):
            missing += members
    return missing + [mac for mac in mac_of.values() if mac not in seen]


def _meaningful(serial: str | None) -> bool:
    return _plain(serial) not in MEANINGLESS_SERIALS


def _plain(serial: str | None) -> str:
    return (serial or "").strip().lower()
