"""Have the firmware trust no keys at all."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Offered, Step
from bmctl.model.controller import Ability
from bmctl.ports import Ports
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


async def clear_secure_boot_keys(ports: Ports, _args: NoArgs) -> None:
    """Leave no keys: when the machine starts the next time its firmware is in setup mode."""
    await required(ports.driver.secure_boot_keys, "change secure boot keys").clear()
    ports.evidence.see("secure boot keys", "cleared")


STEP = Step(
    interface="management",
    name="clear_secure_boot_keys",
    title="clear secure boot keys",
    args=NoArgs,
    run=clear_secure_boot_keys,
    budget=300,
    typical=2,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.SECURE_BOOT_KEYS,
        description="deletes all secure boot keys; the firmware is in setup mode from the next start on",
    ),
)
