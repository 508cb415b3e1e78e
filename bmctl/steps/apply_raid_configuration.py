"""Leave a machine with the RAID volumes that are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.engine.step import Offered, Step
from bmctl.model.controller import Ability
from bmctl.model.raid import RaidConfig
from bmctl.ports import Ports
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.raid_volumes import BUDGET, create_volumes, replace_volumes
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRaidConfiguration:
    """The volumes."""

    raid_config: RaidConfig = field(metadata={"description": "logical_disks: a list of volumes"})
    delete_existing: bool = field(
        default=True, metadata={"description": "delete all volumes there are before, with their data"}
    )


async def apply_raid_configuration(
    ports: Ports, args: ApplyRaidConfiguration, patience: Patience = PATIENCE
) -> None:
    """Leave these volumes, new and alone; without `delete_existing` beside those that there are."""
    raid = required(ports.driver.raid, "make RAID volumes")
    if args.delete_existing:
        await replace_volumes(ports, raid, args.raid_config, patience=patience)
    else:
        await create_volumes(ports, raid, args.raid_config, patience=patience)


STEP = Step(
    interface="raid",
    name="apply_configuration",
    title="make the RAID volumes",
    args=ApplyRaidConfiguration,
    run=apply_raid_configuration,
    budget=2 * BUDGET,
    typical=120,
    destroys=True,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.RAID,
        description="deletes the RAID volumes there are, and makes those asked for",
        reboots=True,
    ),
)
