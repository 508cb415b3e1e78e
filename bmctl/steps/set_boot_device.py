"""Choose what the machine boots from."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.engine.step import Offered, Step
from bmctl.model.controller import Ability
from bmctl.model.firmware import BootTarget
from bmctl.ports import Ports
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBootDevice:
    """Where to boot from."""

    device: BootTarget = field(metadata={"description": "cd, disk, pxe, http or bios-setup"})
    persistent: bool = field(
        default=False, metadata={"description": "at every boot, not only at the next one"}
    )


async def set_boot_device(ports: Ports, args: SetBootDevice) -> None:
    """Leave the boot override on this device, in the node's boot mode."""
    boot = required(ports.driver.boot, "choose the boot device")
    await boot.set_next(args.device, ports.node.boot_mode, persistent=args.persistent)
    ports.evidence.see("boot override", f"set to {args.device}")


STEP = Step(
    interface="management",
    name="set_boot_device",
    title="set the boot device",
    args=SetBootDevice,
    run=set_boot_device,
    budget=300,
    typical=1,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.BOOT_DEVICE,
        description="chooses what the machine boots from the next time, or every time",
    ),
)
