"""Put this machine's boot medium in its virtual drive."""

from __future__ import annotations

from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.ports import Ports


async def attach_media(ports: Ports, _args: NoArgs) -> None:
    """Leave exactly this run's medium in the drive, whatever was there before."""
    if (drive := ports.driver.media) is None:
        raise BmctlError(
            "this controller has no virtual media",
            hint="check that the machine's licence includes virtual media",
        )
    await drive.insert(ports.medium_url)
    ports.evidence.see("virtual media", "inserted")


STEP = Step(
    interface="media",
    name="attach",
    title="insert the boot medium",
    args=NoArgs,
    run=attach_media,
    budget=900,
    typical=2,
    boots=True,
)
