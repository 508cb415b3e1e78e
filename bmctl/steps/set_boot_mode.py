"""Choose the firmware interface that the machine boots with."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.engine.step import Offered, Step
from bmctl.model.controller import Ability
from bmctl.model.firmware import BootMode
from bmctl.ports import Ports
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.refusing import required
from bmctl.steps.restarting import come_true
from bmctl.steps.when import ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBootMode:
    """The boot mode to be in effect afterwards."""

    mode: BootMode = field(metadata={"description": "uefi or bios"})


async def set_boot_mode(ports: Ports, args: SetBootMode, patience: Patience = PATIENCE) -> None:
    """Leave the machine in this boot mode; it restarts where the controller changes it only then."""
    control = required(ports.driver.boot_mode, "set the boot mode")
    before = await control.mode()
    if before is not args.mode:
        await control.set(args.mode)
    if before is None and await control.mode() is None:
        ports.warn(f"this controller does not tell the boot mode, so nothing shows that it is {args.mode}")
        return

    async def done() -> bool:
        return await control.mode() is args.mode

    await come_true(ports, f"the boot mode is not {args.mode}", done, patience=patience)
    ports.evidence.see("boot mode", args.mode)


STEP = Step(
    interface="management",
    name="set_boot_mode",
    title="set the boot mode",
    args=SetBootMode,
    run=set_boot_mode,
    budget=1500,
    typical=120,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.BOOT_MODE,
        description="sets the firmware interface to boot with, and restarts the machine if that needs it",
        reboots=True,
    ),
)
