"""Empty the machine's virtual drives."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Offered, Step
from bmctl.model.controller import Ability
from bmctl.ports import Ports
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


async def detach_virtual_media(ports: Ports, _args: NoArgs) -> None:
    """Leave every virtual drive empty."""
    await required(ports.driver.media, "eject virtual media").eject()
    ports.evidence.see("virtual media", "ejected")


STEP = Step(
    interface="management",
    name="detach_virtual_media",
    title="eject virtual media",
    args=NoArgs,
    run=detach_virtual_media,
    budget=300,
    typical=2,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.VIRTUAL_MEDIA,
        description="empties the machine's virtual drives",
    ),
)
