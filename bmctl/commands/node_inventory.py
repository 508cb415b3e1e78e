"""`bmctl node inventory`: what the last inspection of a machine found; no machine is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.nodes import complete_nodes
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.commands.tables import show_pairs, show_table
from bmctl.model.amounts import duration

if TYPE_CHECKING:
    from bmctl.agent.hardware import Disk, Hardware, NetworkInterface
    from bmctl.model.disks import DiskContent

EPILOG = """\b
Examples:
  bmctl node inventory n1
  bmctl node inventory n1 --json | jq .hardware.memory
"""


@click.command(epilog=EPILOG)
@click.argument("name", metavar="NODE", shell_complete=complete_nodes)
@common_options
@click.pass_context
def command(ctx: click.Context, name: str) -> None:
    """Show what the last inspection of a machine found, and how old it is."""
    settings = settings_of(ctx)
    found = _inspection(settings, name)
    age = max(0.0, time.time() - float(found["learnt"]))
    if settings.json:
        click.echo(json.dumps({"name": name, "age": round(age), **found}, indent=2, default=str))
        return
    from bmctl.agent.hardware import read_hardware
    from bmctl.model.disks import DiskContent

    hardware = read_hardware(found["hardware"])
    contents = {disk.name: disk for disk in map(DiskContent.from_json, found.get("disks") or ())}
    click.echo(f"{name}: inspected {duration(age)} ago")
    _show_system(hardware)
    _show_conclusions(found)
    _show_ports(hardware.interfaces)
    _show_disks(hardware.disks, contents)


def _inspection(settings: Settings, name: str) -> Mapping[str, Any]:
    from bmctl.errors import BmctlError
    from bmctl.store.record import get_node

    node = settings.load_inventory().node(name)
    stored = get_node(settings.open_store(), node.name)
    if stored is None or not stored.record.inspection:
        raise BmctlError(f"{name} was not inspected yet", hint=f"run: bmctl inspect {name}")
    return stored.record.inspection


def _show_system(hardware: Hardware) -> None:
    cores = f"{hardware.cpus} x " if hardware.cpus else ""
    cpu = f"{cores}{hardware.cpu_model or 'unknown'} ({hardware.architecture or 'unknown'})"
    show_pairs(
        (
            ("manufacturer", hardware.manufacturer),
            ("product", hardware.product),
            ("serial", hardware.serial),
            ("firmware", _firmware(hardware.raw)),
            ("boot mode", hardware.boot_mode),
            ("controller", hardware.raw.get("bmc_address") or hardware.raw.get("bmc_v6address")),
            ("cpu", cpu),
            ("memory", _gib(hardware.memory) if hardware.memory else None),
        )
    )


def _firmware(hardware: Mapping[str, Any]) -> str:
    firmware = (hardware.get("system_vendor") or {}).get("firmware") or {}
    words = (firmware.get("vendor"), firmware.get("version"), firmware.get("build_date"))
    return ", ".join(str(word) for word in words if word)


def _show_conclusions(found: Mapping[str, Any]) -> None:
    """Properties and traits, with headings of their own."""
    if properties := found.get("properties"):
        _heading("properties")
        show_pairs((f"  {name}", value) for name, value in properties.items())
    if traits := found.get("traits"):
        _heading("traits")
        for trait in traits:
            click.echo(f"  {trait}")


def _show_ports(interfaces: Sequence[NetworkInterface]) -> None:
    _heading("network ports")
    show_table(
        ("port", "mac", "carrier", "speed", "driver", "address"),
        [
            (
                port.name,
                port.mac,
                {True: "yes", False: "no", None: "unknown"}[port.carrier],
                f"{port.speed_mbps} Mbit/s" if port.speed_mbps else "",
                port.driver,
                ", ".join(address for address in (port.ipv4, port.ipv6) if address),
            )
            for port in interfaces
        ],
    )


def _show_disks(disks: Iterable[Disk], contents: Mapping[str, DiskContent]) -> None:
    _heading("disks")
    show_table(
        ("disk", "size", "kind", "model", "serial", "on it"),
        [
            (
                disk.name,
                _gib(disk.size),
                _kind(disk),
                " ".join(word for word in (disk.vendor, disk.model) if word),
                ", ".join(disk.serials[:1]),
                contents[disk.name].summary if disk.name in contents else "not looked at",
            )
            for disk in disks
        ],
    )


def _kind(disk: Disk) -> str:
    turning = {True: "rotating", False: "solid state", None: ""}[disk.rotational]
    return ", ".join(word for word in (disk.tran, turning) if word)


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def _heading(text: str) -> None:
    click.echo(f"\n{text}")
