"""See that the controller answers and can do what the plan asks of it, before the machine is touched."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.engine.step import Step
from bmctl.errors import InvalidError
from bmctl.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckController:
    """What the plan needs of the controller; `secure_boot` None takes the machine as it is.

    `boots` False: the ramdisk is not needed.
    """

    secure_boot: bool | None = None
    boots: bool = True


async def check_controller(ports: Ports, args: CheckController) -> None:
    """Read the power state, and refuse what the controller cannot do."""
    if args.boots:
        _require_abilities(ports)
    state = await ports.driver.power.state()
    ports.evidence.see("power", f"was {state}")
    ports.record.put("power_before", state.value)
    if args.secure_boot is not None:
        await _require_secure_boot(ports, args.secure_boot)


def _require_abilities(ports: Ports) -> None:
    if ports.driver.media is None:
        raise InvalidError(
            "this controller has no virtual media",
            hint="check that the machine's licence includes virtual media",
        )
    if ports.driver.boot is None:
        raise InvalidError(
            "this controller cannot choose the boot device", hint="check bmc.driver for the node"
        )


async def _require_secure_boot(ports: Ports, wanted: bool) -> None:
    if ports.driver.secure_boot is None:
        raise InvalidError(
            "this controller does not tell the secure boot state",
            hint="remove secure_boot from the node, or set it in the firmware set-up",
        )
    state = await ports.driver.secure_boot.state()
    if state.value != ("enabled" if wanted else "disabled"):
        raise InvalidError(
            f"secure boot is {state}, the inventory wants it {'enabled' if wanted else 'disabled'}",
            hint="change it in the firmware set-up, or change secure_boot for the node",
        )


STEP = Step(
    interface="controller",
    name="check",
    title="check the controller",
    args=CheckController,
    run=check_controller,
    budget=120,
    typical=1,
    touches=False,
)
