"""Delete all RAID volumes."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Offered, Step
from bmctl.model.controller import Ability
from bmctl.ports import Ports
from bmctl.steps.patience import PATIENCE, Patience
from bmctl.steps.raid_volumes import BUDGET, delete_volumes
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


async def delete_raid_configuration(ports: Ports, _args: NoArgs, patience: Patience = PATIENCE) -> None:
    """Leave no RAID volume; their data is lost."""
    await delete_volumes(ports, required(ports.driver.raid, "delete RAID volumes"), patience=patience)


STEP = Step(
    interface="raid",
    name="delete_configuration",
    title="delete the RAID volumes",
    args=NoArgs,
    run=delete_raid_configuration,
    budget=BUDGET,
    typical=60,
    destroys=True,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.RAID,
        description="deletes all RAID volumes, with their data",
        reboots=True,
    ),
)
