"""Make RAID volumes beside those that there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.engine.step import Offered, Step
from bmctl.model.controller import Ability
from bmctl.model.raid import RaidConfig
from bmctl.ports import Ports
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.raid_volumes import BUDGET, create_volumes
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRaidConfiguration:
    """The volumes."""

    raid_config: RaidConfig = field(metadata={"description": "logical_disks: a list of volumes"})


async def create_raid_configuration(
    ports: Ports, args: CreateRaidConfiguration, patience: Patience = PATIENCE
) -> None:
    """Leave these volumes there; one that exists as it is asked for stays, with its data."""
    raid = required(ports.driver.raid, "make RAID volumes")
    await create_volumes(ports, raid, args.raid_config, patience=patience)


STEP = Step(
    interface="raid",
    name="create_configuration",
    title="make RAID volumes",
    args=CreateRaidConfiguration,
    run=create_raid_configuration,
    budget=BUDGET,
    typical=60,
    destroys=True,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.RAID,
        description="makes RAID volumes of free disks, beside those there are",
        reboots=True,
    ),
)
