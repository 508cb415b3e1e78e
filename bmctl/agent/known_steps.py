"""What the steps of the released agent do, in a sentence each, and which of them lose data.

An agent lists names and arguments alone. Here stand the steps that release 13.0.0 has on every machine,
and those that bmctl's own ramdisk adds; of other hardware managers' steps nothing is known. Losing data
means what is on disks: boot entries and crash records in the firmware are told of in the sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bmctl.model.steps import StepKind

GENERIC_MANAGER = "GenericHardwareManager"
CONTAINER_MANAGER = "ContainerHardwareManager"
OWN_MANAGER = "BmctlHardwareManager"

_CLEAN = StepKind.CLEAN
_DEPLOY = StepKind.DEPLOY
_SERVICE = StepKind.SERVICE


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStep:
    """What is known of a step. `destroys` None: it depends on what is asked of it."""

    does: str
    kinds: frozenset[StepKind]
    destroys: bool | None = False


def _known(does: str, *kinds: StepKind, destroys: bool | None = False) -> KnownStep:
    return KnownStep(does=does, kinds=frozenset(kinds), destroys=destroys)


_STEPS: Mapping[str, KnownStep] = MappingProxyType(
    {
        "deploy.erase_devices": _known(
            "erases every disk whole: by its own secure erase where it has one, else by overwriting",
            _CLEAN,
            destroys=True,
        ),
        "deploy.erase_devices_metadata": _known(
            "wipes partition tables and signatures, so that no disk looks used; takes seconds",
            _CLEAN,
            _DEPLOY,
            destroys=True,
        ),
        "deploy.erase_devices_express": _known(
            "erases disks whole where their hardware does it fast (NVMe), and wipes metadata of the others",
            _CLEAN,
            destroys=True,
        ),
        "deploy.erase_pstore": _known("deletes the crash records that the firmware keeps", _CLEAN),
        "deploy.clean_uefi_nvram": _known(
            "deletes boot entries of installed systems from the firmware's memory", _CLEAN, _DEPLOY
        ),
        "raid.delete_configuration": _known(
            "takes all software RAID volumes apart", _CLEAN, _SERVICE, destroys=True
        ),
        "raid.create_configuration": _known(
            "makes the software RAID volumes of the node's target configuration",
            _CLEAN,
            _SERVICE,
            destroys=True,
        ),
        "raid.apply_configuration": _known(
            "makes these software RAID volumes, first taking apart the old ones",
            _DEPLOY,
            _SERVICE,
            destroys=True,
        ),
        "deploy.burnin_cpu": _known("puts load on the processors until one fails", _CLEAN, _SERVICE),
        "deploy.burnin_gpu": _known("puts load on the graphics processors until one fails", _CLEAN, _SERVICE),
        "deploy.burnin_memory": _known("puts load on the memory until it fails", _CLEAN, _SERVICE),
        "deploy.burnin_network": _known(
            "sends and receives as much as it can with another machine", _CLEAN, _SERVICE
        ),
        "deploy.burnin_disk": _known("writes and reads all over the disks", _CLEAN, destroys=True),
        "deploy.write_image": _known("writes an image to the disk", _DEPLOY, _SERVICE, destroys=True),
        "deploy.inject_files": _known("puts files into a filesystem on the disk", _DEPLOY, _SERVICE),
        "deploy.execute_bootc_install": _known(
            "installs a bootable container image on the disk", _DEPLOY, _SERVICE, destroys=True
        ),
    }
)

_OWN_STEPS: Mapping[str, KnownStep] = MappingProxyType(
    {
        "deploy.read_back": _known("reads the disk back and tells the digests of its parts", _DEPLOY),
        "deploy.list_disks": _known("tells what is on every disk", _DEPLOY),
        "deploy.erase_signatures": _known(
            "makes the filesystems and the partition table of one disk unknown", _DEPLOY, destroys=True
        ),
    }
)
# Both names lead to one step. What it does, and whether data is lost, is up to the container.
_CONTAINER = _known("runs a container", _CLEAN, _DEPLOY, _SERVICE, destroys=None)
_CONTAINER_STEPS = MappingProxyType(
    {"deploy.generic_container_step": _CONTAINER, "deploy.container_clean_step": _CONTAINER}
)
_MANAGERS: Mapping[str, Mapping[str, KnownStep]] = MappingProxyType(
    {GENERIC_MANAGER: _STEPS, CONTAINER_MANAGER: _CONTAINER_STEPS, OWN_MANAGER: _OWN_STEPS}
)


def known_step(manager: str, key: str) -> KnownStep | None:
    """What the step `interface.step` of this hardware manager does, None where that is not known."""
    return _MANAGERS.get(manager, {}).get(key)


def may_offer(kind: StepKind, key: str) -> bool:
    """Whether an agent is known that has such a step, on some machine at least."""
    return any(key in steps and kind in steps[key].kinds for steps in _MANAGERS.values())
