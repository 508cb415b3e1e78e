"""A whole node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bmctl.inventory.build.bmc import build_bmc
from bmctl.inventory.build.claims import Claims
from bmctl.inventory.build.image import chosen_image
from bmctl.inventory.build.instance import build_instance
from bmctl.inventory.build.matching import StepLists
from bmctl.inventory.build.network import build_network, claim
from bmctl.inventory.build.upkeep import build_cleaning, build_priorities, skipped_devices
from bmctl.inventory.keys.node import InstanceKeys, NodeKeys, ReadyKeys, RootDeviceKeys
from bmctl.inventory.report import Notes
from bmctl.model.hints import RootDeviceHints
from bmctl.model.image import ImageSource
from bmctl.model.network import NetworkConfig
from bmctl.model.node import Bmc, Node, Ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a node is read against: the inventory's directory, images and step lists, others' claims."""

    base: Path
    images: Mapping[str, ImageSource | None] = field(default_factory=dict)
    claims: Claims = field(default_factory=Claims)
    step_lists: StepLists = field(default_factory=StepLists)


def build_node(keys: NodeKeys, around: Surroundings, notes: Notes) -> Node | None:
    """The node; None where its controller or network cannot be made."""
    around.claims.claim("name", keys.name, holder=keys.name, notes=notes, steps=("name",))
    bmc = _bmc(keys, around, notes)
    network = _network(keys, around, notes)
    instance = build_instance(
        keys.instance or InstanceKeys(), keys.name, around.base, around.claims, notes.within("instance")
    )
    image = chosen_image(keys.image, around.images, around.base, notes) if keys.image else None
    ready = _ready(keys.ready, notes.within("ready")) if keys.ready else None
    skipped = skipped_devices(keys.skip_block_devices, notes)
    _check_steps(keys, around.step_lists, notes)
    if bmc is None or network is None:
        return None
    return Node(
        name=keys.name,
        bmc=bmc,
        network=network,
        instance=instance,
        image=image,
        root_device=_root_device(keys.root_device),
        architecture=keys.architecture,
        boot=keys.boot,
        boot_mode=keys.boot_mode,
        secure_boot=keys.secure_boot,
        group=keys.group or "",
        traits=keys.traits,
        ramdisk=keys.ramdisk,
        kernel_parameters=keys.kernel_parameters,
        ready=ready,
        parent=keys.parent,
        dedicated_power=keys.dedicated_power,
        cleaning=build_cleaning(keys.cleaning),
        step_priorities=build_priorities(keys.step_priorities),
        disallowed_steps=keys.disallowed_steps,
        skip_block_devices=skipped,
        duplicate_filesystems=keys.duplicate_filesystems,
    )


def _bmc(keys: NodeKeys, around: Surroundings, notes: Notes) -> Bmc | None:
    if keys.bmc is None:
        notes.missing("bmc", message="is missing: the machine's controller")
        return None
    bmc = build_bmc(keys.bmc, around.base, notes.within("bmc"))
    if bmc:
        machine = f"{bmc.address} (system {bmc.system})" if bmc.system else bmc.address
        around.claims.claim("BMC", machine, holder=keys.name, notes=notes, steps=("bmc", "address"))
    return bmc


def _network(keys: NodeKeys, around: Surroundings, notes: Notes) -> NetworkConfig | None:
    if keys.network is None:
        notes.missing("network", message="is missing: MAC and static address")
        return None
    claim(keys.network, around.claims, keys.name, notes.within("network"))
    return build_network(keys.network, notes.within("network"))


def _check_steps(keys: NodeKeys, lists: StepLists, notes: Notes) -> None:
    if keys.instance and keys.instance.traits:
        lists.check_requested(keys.name, keys.traits, keys.instance.traits, notes)
    if keys.cleaning and keys.cleaning.runbook:
        lists.check_runbook(keys.name, keys.traits, keys.cleaning.runbook, notes)


def _root_device(keys: RootDeviceKeys | None) -> RootDeviceHints:
    return RootDeviceHints(**keys.model_dump()) if keys else RootDeviceHints()


def _ready(keys: ReadyKeys, notes: Notes) -> Ready | None:
    if keys.tcp is None:
        notes.missing("tcp", message="is missing: the port that accepts connections once the system is up")
        return None
    return Ready(tcp=keys.tcp, timeout=keys.timeout)
