"""Update the firmware of components by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.engine.step import Offered, Step
from bmctl.model.controller import Ability
from bmctl.ports import Ports
from bmctl.steps.firmware_order import BUDGET, FirmwareOrder, carry_out
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareSetting:
    """One component and its file."""

    component: str = field(metadata={"description": "bios, bmc, or a name in the controller's inventory"})
    url: str = field(metadata={"description": "http or https URL, or the path of a file on this host"})
    wait: float = field(default=0.0, metadata={"description": "seconds to leave the controller alone after"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFirmware:
    """What to update."""

    settings: tuple[FirmwareSetting, ...] = field(
        metadata={"description": "list of component, url and wait; carried out in this order"}
    )


async def update_firmware(ports: Ports, args: UpdateFirmware, patience: Patience = PATIENCE) -> None:
    """Leave these components with the firmware of these files; the machine restarts for it."""
    firmware = required(ports.driver.firmware, "update firmware")
    orders = tuple(
        FirmwareOrder(url=setting.url, component=setting.component.lower(), wait=setting.wait)
        for setting in args.settings
    )
    await carry_out(ports, firmware, orders, patience=patience)


STEP = Step(
    interface="firmware",
    name="update",
    title="update firmware",
    args=UpdateFirmware,
    run=update_firmware,
    budget=2 * BUDGET,
    typical=900,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.FIRMWARE,
        description="has the controller write firmware to components, and restarts them",
        reboots=True,
    ),
)
