"""Make the firmware able to start the deployed system."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.model.firmware import BootMode
from bmctl.ports import Ports
from bmctl.steps.agent_command import run_command

BUDGET = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareInstanceBoot:
    """The firmware interface the deployed system boots with."""

    mode: BootMode


async def prepare_instance_boot(ports: Ports, args: PrepareInstanceBoot) -> None:
    """Leave a boot entry for the disk in the UEFI firmware; a BIOS finds a whole-disk image by itself."""
    if args.mode is not BootMode.UEFI:
        return
    params = {"root_uuid": None, "efi_system_part_uuid": None, "target_boot_mode": args.mode.value}
    await run_command(ports, "install_bootloader", "image.install_bootloader", params, timeout=BUDGET)
    ports.evidence.see("boot entry", "written to the firmware")


STEP = Step(
    interface="deploy",
    name="prepare_instance_boot",
    title="prepare the instance's boot",
    args=PrepareInstanceBoot,
    run=prepare_instance_boot,
    budget=BUDGET + 60,
    typical=4,
    needs_ramdisk=True,
)
