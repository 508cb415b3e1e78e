"""Put an image of the operator's into the machine's virtual drive."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.engine.step import Offered, Step
from bmctl.errors import InvalidError
from bmctl.model.controller import Ability
from bmctl.ports import Ports
from bmctl.steps.refusing import required
from bmctl.steps.when import ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachVirtualMedia:
    """The image."""

    image_url: str = field(metadata={"description": "http or https URL that the controller can fetch"})


async def attach_virtual_media(ports: Ports, args: AttachVirtualMedia) -> None:
    """Leave exactly this image in the drive, whatever was there before."""
    drive = required(ports.driver.media, "insert virtual media")
    if not args.image_url.startswith(("http://", "https://")):
        raise InvalidError(f"{args.image_url} is not an http or https URL, which the controller could fetch")
    await drive.insert(args.image_url)
    ports.evidence.see("virtual media", "inserted")


STEP = Step(
    interface="management",
    name="attach_virtual_media",
    title="insert virtual media",
    args=AttachVirtualMedia,
    run=attach_virtual_media,
    budget=900,
    typical=3,
    offered=Offered(
        kinds=ASKED_FOR,
        ability=Ability.VIRTUAL_MEDIA,
        description="puts an image into the virtual drive; the ramdisk's medium is taken out for it",
    ),
)
