"""What an agent says of the machine it runs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bmctl.agent.answers import strange_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface:
    """One network port; `mac` in lower case, None where the port has none."""

    name: str
    mac: str | None
    ipv4: str | None = None
    ipv6: str | None = None
    carrier: bool | None = None
    speed_mbps: int | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """One disk; `size` in bytes. Serial and WWN hold every value the agent knows for it."""

    name: str
    size: int
    model: str | None = None
    vendor: str | None = None
    serials: tuple[str, ...] = ()
    wwns: tuple[str, ...] = ()
    wwns_with_extension: tuple[str, ...] = ()
    wwn_vendor_extensions: tuple[str, ...] = ()
    rotational: bool | None = None
    hctl: str | None = None
    by_path: str | None = None
    tran: str | None = None
    logical_sector: int | None = None
    physical_sector: int | None = None

    def __str__(self) -> str:
        about = [
            f"{self.size / 2**30:.1f} GiB",
            self.model or "",
            *(f"serial {text}" for text in self.serials[:1]),
        ]
        return f"{self.name} ({', '.join(text for text in about if text)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """The machine as its agent sees it; `raw` is the agent's whole answer.

    `memory` is what is plugged in, in bytes. `boot_mode` is `uefi` or `bios`.
    """

    interfaces: tuple[NetworkInterface, ...]
    disks: tuple[Disk, ...]
    cpus: int | None
    cpu_model: str | None
    architecture: str | None
    memory: int | None
    manufacturer: str | None
    product: str | None
    serial: str | None
    boot_mode: str | None
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def macs(self) -> tuple[str, ...]:
        return tuple(interface.mac for interface in self.interfaces if interface.mac)


def read_hardware(answer: Mapping[str, Any]) -> Hardware:
    """`Hardware` out of what `get_hardware_info` returned."""
    try:
        cpu, memory = answer.get("cpu") or {}, answer.get("memory") or {}
        vendor, boot = answer.get("system_vendor") or {}, answer.get("boot") or {}
        installed = memory.get("physical_mb")
        return Hardware(
            interfaces=tuple(_read_interface(item) for item in answer["interfaces"]),
            disks=tuple(_read_disk(item) for item in answer["disks"]),
            cpus=cpu.get("count"),
            cpu_model=cpu.get("model_name") or None,
            architecture=cpu.get("architecture") or None,
            memory=installed * 2**20 if installed else memory.get("total"),
            manufacturer=vendor.get("manufacturer") or None,
            product=vendor.get("product_name") or None,
            serial=vendor.get("serial_number") or None,
            boot_mode=boot.get("current_boot_mode") or None,
            raw=answer,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise strange_answer("its hardware") from error


def _read_interface(item: Mapping[str, Any]) -> NetworkInterface:
    mac = item.get("mac_address")
    return NetworkInterface(
        name=str(item["name"]),
        mac=str(mac).lower() if mac else None,
        ipv4=item.get("ipv4_address"),
        ipv6=item.get("ipv6_address"),
        carrier=item.get("has_carrier"),
        speed_mbps=item.get("speed_mbps"),
        driver=item.get("driver"),
    )


def _read_disk(item: Mapping[str, Any]) -> Disk:
    return Disk(
        name=str(item["name"]),
        size=int(item["size"]),
        model=item.get("model") or None,
        vendor=item.get("vendor") or None,
        serials=_values(item.get("serial")),
        wwns=_values(item.get("wwn")),
        wwns_with_extension=_values(item.get("wwn_with_extension")),
        wwn_vendor_extensions=_values(item.get("wwn_vendor_extension")),
        rotational=item.get("rotational"),
        hctl=item.get("hctl"),
        by_path=item.get("by_path"),
        tran=item.get("tran"),
        logical_sector=item.get("logical_sectors"),
        physical_sector=item.get("physical_sectors"),
    )


def _values(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in values if item)
