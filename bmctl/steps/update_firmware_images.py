"""Update firmware from files of which the controller knows what they are for."""

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
class FirmwareImage:
    """One file."""

    url: str = field(metadata={"description": "http or https URL, or the path of a file on this host"})
    checksum: str | None = field(
        default=None,
        metadata={"description": "SHA-256 or SHA-512; bmctl fetches the file then, compares and serves it"},
    )
    wait: float = field(default=0.0, metadata={"description": "seconds to leave the controller alone after"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFirmwareImages:
    """What to update from."""

    firmware_images: tuple[FirmwareImage, ...] = field(
        metadata={"description": "list of url, checksum and wait; carried out in this order"}
    )


async def update_firmware_images(
    ports: Ports, args: UpdateFirmwareImages, patience: Patience = PATIENCE
) -> None:
    """Leave the firmware of these files written; the machine restarts after each."""
    firmware = required(ports.driver.firmware, "update firmware")
    orders = tuple(
        FirmwareOrder(url=image.url, checksum=image.checksum, wait=image.wait)
        for image in args.firmware_images
    )
    await carry_out(ports, firmware, orders, patience=patience)


STEP = Step(
    interface="management",
    name="update_firmware",
    title="update firmware from files",
    args=UpdateFirmwareImages,
    run=update_firmware_images,
    budget=2 * BUDGET,
    typical=900,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.FIRMWARE,
        description="has the controller write firmware from files, and restarts the machine",
        reboots=True,
    ),
)
