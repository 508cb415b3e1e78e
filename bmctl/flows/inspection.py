"""What follows from an inspection: properties and traits, by rules built in and an operator's own.

The names of the properties are those that Ironic gives a node, the traits those of os-traits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bmctl.agent.hardware import Disk, Hardware
from bmctl.agent.root_disk import choose_root_disk
from bmctl.errors import BmctlError
from bmctl.flows.inspection_rules import is_for
from bmctl.model.firmware import SecureBootState
from bmctl.model.inspection import InspectionRule
from bmctl.model.node import Node

_GIB = 2**30
_MIB = 2**20

# Of the CPU's flags, as Linux names them.
_CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "cpu_vt": ("vmx", "svm"),
    "cpu_aes": ("aes",),
    "cpu_txt": ("smx",),
    "cpu_hugepages": ("pse",),
    "cpu_hugepages_1g": ("pdpe1gb",),
}
_CPU_TRAITS: Mapping[str, str] = {
    "aes": "HW_CPU_X86_AESNI",
    "avx": "HW_CPU_X86_AVX",
    "avx2": "HW_CPU_X86_AVX2",
    "avx512f": "HW_CPU_X86_AVX512F",
    "sgx": "HW_CPU_X86_SGX",
    "sha_ni": "HW_CPU_X86_SHA",
    "svm": "HW_CPU_X86_SVM",
    "vmx": "HW_CPU_X86_VMX",
}
_ARCHITECTURE_TRAITS: Mapping[str, str] = {"x86_64": "HW_ARCH_X86_64", "aarch64": "HW_ARCH_AARCH64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is said of a machine after an inspection.

    `traits` are sorted. `matched` are the titles of the operator's rules that were for it, in their
    order; `remarks` say why something is not told.
    """

    properties: Mapping[str, Any]
    traits: tuple[str, ...]
    matched: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def conclude(
    hardware: Hardware,
    *,
    node: Node,
    description: Mapping[str, Any],
    rules: Iterable[InspectionRule] = (),
) -> Findings:
    """Properties and traits out of what agent and controller (`description`, as it is stored) say.

    Conditions of `rules` see the agent's answer, `controller` (the description) and `properties` (those
    of the built-in rules). A later rule's property wins over an earlier one's and over a built-in one.
    """
    disk, remarks = _root_disk(hardware, node)
    properties = dict(_properties(hardware, description, disk))
    traits = set(_traits(hardware, disk))
    document = {**hardware.raw, "controller": description, "properties": dict(properties)}
    matched = [rule for rule in rules if is_for(rule, document)]
    for rule in matched:
        properties |= rule.properties
        traits |= set(rule.traits)
    return Findings(
        properties=properties,
        traits=tuple(sorted(traits)),
        matched=tuple(rule.title for rule in matched),
        remarks=remarks,
    )


def _root_disk(hardware: Hardware, node: Node) -> tuple[Disk | None, tuple[str, ...]]:
    try:
        return choose_root_disk(hardware, node.root_device, skip=node.skip_block_devices), ()
    except BmctlError as error:
        return None, (f"no local_gb: {error.message}",)


def _properties(
    hardware: Hardware, description: Mapping[str, Any], disk: Disk | None
) -> Iterator[tuple[str, Any]]:
    """What is known; a whole GiB, MiB or nothing."""
    known = {
        "cpus": hardware.cpus,
        "cpu_arch": hardware.architecture,
        "memory_mb": hardware.memory // _MIB if hardware.memory else None,
        "local_gb": disk.size // _GIB if disk else None,
        "vendor": hardware.manufacturer or description.get("manufacturer"),
        "model": hardware.product or description.get("model"),
        "serial": hardware.serial or description.get("serial"),
        "boot_mode": hardware.boot_mode or description.get("boot_mode"),
        "capabilities": ",".join(_capabilities(hardware, description)),
    }
    return ((name, value) for name, value in known.items() if value not in (None, ""))


def _capabilities(hardware: Hardware, description: Mapping[str, Any]) -> Iterator[str]:
    """`name:value` each, in the form that schedulers read."""
    if hardware.boot_mode:
        yield f"boot_mode:{hardware.boot_mode}"
    if description.get("secure_boot") == SecureBootState.ENABLED:
        yield "secure_boot:true"
    flags = _flags(hardware)
    yield from (f"{name}:true" for name, wanted in _CAPABILITIES.items() if flags & set(wanted))


def _traits(hardware: Hardware, disk: Disk | None) -> Iterator[str]:
    if trait := _ARCHITECTURE_TRAITS.get(hardware.architecture or ""):
        yield trait
    flags = _flags(hardware)
    yield from (trait for flag, trait in _CPU_TRAITS.items() if flag in flags)
    if disk is not None and disk.rotational is not None:
        yield "STORAGE_DISK_HDD" if disk.rotational else "STORAGE_DISK_SSD"


def _flags(hardware: Hardware) -> frozenset[str]:
    cpu = hardware.raw.get("cpu") or {}
    return frozenset(map(str, cpu.get("flags") or ()))
