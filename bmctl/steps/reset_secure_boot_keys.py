"""Have the firmware trust its vendor's keys again."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Offered, Step
from bmctl.model.controller import Ability
from bmctl.ports import Ports
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


async def reset_secure_boot_keys(ports: Ports, _args: NoArgs) -> None:
    """Leave the vendor's keys; the firmware takes them up when the machine starts the next time."""
    await required(ports.driver.secure_boot_keys, "change secure boot keys").reset_to_default()
    ports.evidence.see("secure boot keys", "reset to default")


STEP = Step(
    interface="management",
    name="reset_secure_boot_keys_to_default",
    title="reset secure boot keys",
    args=NoArgs,
    run=reset_secure_boot_keys,
    budget=300,
    typical=2,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.SECURE_BOOT_KEYS,
        description="gives the firmware its vendor's secure boot keys, from the next start on",
    ),
)
