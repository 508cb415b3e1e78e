"""Take the boot medium out of the machine's virtual drive and stop serving it."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Step
from bmctl.ports import Ports


async def detach_media(ports: Ports, _args: NoArgs) -> None:
    """Leave every virtual drive of the machine empty."""
    if ports.driver.media is not None:
        await ports.driver.media.eject()
    ports.shelf.withdraw(ports.medium.name)
    ports.evidence.see("virtual media", "ejected")


STEP = Step(
    interface="media",
    name="detach",
    title="eject the boot medium",
    args=NoArgs,
    run=detach_media,
    budget=180,
    typical=0.5,
)
