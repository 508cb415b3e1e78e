"""Steps for catalogues: some of a controller, and those that the released agent lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bmctl.engine.step import AnyStep, NoArgs, Offered, Step
from bmctl.model.firmware import BootMode
from bmctl.model.steps import StepKind

MANY = frozenset({StepKind.CLEAN, StepKind.DEPLOY, StepKind.SERVICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplySettings:
    settings: tuple[Setting, ...] = field(metadata={"description": "names and values"})
    within: float = 60
    mode: BootMode | None = None
    when: Literal["now", "later"] = "now"
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    url: str = ""


async def nothing(_ports: Any, _args: Any) -> None:
    """Do nothing."""


def controller_step(
    key: str, args: type[Any], *, ability: str, kinds: frozenset[StepKind] = MANY, **more: Any
) -> AnyStep:
    interface, _, name = key.partition(".")
    offered = Offered(
        kinds=kinds,
        ability=ability,
        description=f"does {name}",
        priorities={StepKind.VERIFY: 1} if StepKind.VERIFY in kinds else {},
        reboots=True,
    )
    return Step(
        interface=interface,
        name=name,
        title=name,
        args=args,
        run=nothing,
        budget=60,
        offered=offered,
        **more,
    )


CONTROLLER_STEPS: dict[str, AnyStep] = {
    step.key: step
    for step in (
        controller_step("bios.apply_configuration", ApplySettings, ability="bios"),
        controller_step("bios.factory_reset", NoArgs, ability="bios"),
        controller_step("raid.delete_configuration", NoArgs, ability="raid", destroys=True),
        controller_step("firmware.update", Update, ability="firmware"),
        controller_step(
            "management.verify_clock", NoArgs, ability="clock", kinds=frozenset({StepKind.VERIFY})
        ),
    )
}


def _listing(*steps: tuple[str, int, dict[str, bool]]) -> dict[str, Any]:
    return {
        "versions": {"generic_hardware_manager": "1.2"},
        "steps": [
            {
                "interface": key.partition(".")[0],
                "step": key.partition(".")[2],
                "priority": priority,
                "manager": "GenericHardwareManager",
                "reboot_requested": False,
                "abortable": True,
                "arguments": {
                    name: {"description": f"the {name}", "required": required}
                    for name, required in arguments.items()
                },
            }
            for key, priority, arguments in steps
        ],
    }


_BURN_IN = tuple((f"deploy.burnin_{part}", 0, {}) for part in ("cpu", "gpu", "memory", "network"))
_INJECT = ("deploy.inject_files", 0, {"files": True, "verify_ca": False})
_WRITE = ("deploy.write_image", 0, {"image_info": True, "configdrive": False})
_BOOTC = (
    "deploy.execute_bootc_install",
    0,
    {"image_source": True, "configdrive": True, "oci_pull_secret": True},
)
_RAID = ("raid.apply_configuration", 0, {"raid_config": True, "delete_existing": False})

# What ironic-python-agent 13.0.0 lists on a machine without special hardware.
RELEASED_AGENT: dict[str, dict[str, Any]] = {
    "clean": _listing(
        ("deploy.erase_devices", 10, {}),
        ("deploy.erase_devices_metadata", 99, {}),
        ("deploy.erase_devices_express", 0, {}),
        ("deploy.erase_pstore", 0, {}),
        ("deploy.clean_uefi_nvram", 0, {"match_patterns": False}),
        ("raid.delete_configuration", 0, {}),
        ("raid.create_configuration", 0, {}),
        ("deploy.burnin_disk", 0, {}),
        *_BURN_IN,
    ),
    "deploy": _listing(
        ("deploy.erase_devices_metadata", 0, {}),
        ("deploy.clean_uefi_nvram", 0, {"match_patterns": False}),
        _RAID,
        _WRITE,
        _INJECT,
        _BOOTC,
    ),
    "service": _listing(
        ("raid.delete_configuration", 0, {}),
        ("raid.create_configuration", 0, {}),
        _RAID,
        _WRITE,
        _INJECT,
        _BOOTC,
        *_BURN_IN,
    ),
}
