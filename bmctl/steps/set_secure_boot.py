"""Have the firmware enforce signatures, or not."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.engine.step import Offered, Step
from bmctl.errors import InvalidError
from bmctl.model.controller import Ability
from bmctl.model.firmware import BootMode, SecureBootState
from bmctl.ports import Ports
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.refusing import required
from bmctl.steps.restarting import come_true
from bmctl.steps.when import ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSecureBoot:
    """Whether signatures are to be enforced."""

    enabled: bool = field(metadata={"description": "true or false"})


async def set_secure_boot(ports: Ports, args: SetSecureBoot, patience: Patience = PATIENCE) -> None:
    """Leave secure boot so, in the boot that the machine is in; it restarts where it is not."""
    control = required(ports.driver.secure_boot, "set secure boot")
    wanted = SecureBootState.ENABLED if args.enabled else SecureBootState.DISABLED
    before = await control.state()
    if before is not wanted:
        await _refuse_bios_mode(ports, enabled=args.enabled)
        await control.set(args.enabled)
    if before is SecureBootState.UNKNOWN and await control.state() is SecureBootState.UNKNOWN:
        ports.warn(
            f"this controller does not tell the secure boot state, so nothing shows that it is {wanted}"
        )
        return

    async def done() -> bool:
        return await control.state() is wanted and await control.current() is wanted

    await come_true(ports, f"secure boot is not {wanted}", done, patience=patience)
    ports.evidence.see("secure boot", wanted)


async def _refuse_bios_mode(ports: Ports, *, enabled: bool) -> None:
    """It can be enabled in UEFI mode only (DMTF DSP0268, SecureBoot)."""
    control = ports.driver.boot_mode
    if enabled and control is not None and await control.mode() is BootMode.BIOS:
        raise InvalidError(
            "secure boot needs the boot mode uefi, this machine's is bios",
            hint="run management.set_boot_mode with mode=uefi before",
        )


STEP = Step(
    interface="management",
    name="set_secure_boot",
    title="set secure boot",
    args=SetSecureBoot,
    run=set_secure_boot,
    budget=1500,
    typical=120,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.SECURE_BOOT,
        description="has the firmware enforce signatures or not, and restarts the machine for it",
        reboots=True,
    ),
)
