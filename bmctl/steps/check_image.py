"""Get the image ready and look whether this machine can boot it, before any machine is touched."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.engine.step import Scope, Step
from bmctl.errors import HeldError
from bmctl.images.inside import check_bootable
from bmctl.images.progress import ImageProgress
from bmctl.images.weakness import warnings_of
from bmctl.model.image import Checksum, ImageSource
from bmctl.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckImage:
    """The image as the inventory names it."""

    image: ImageSource


async def check_image(ports: Ports, args: CheckImage) -> None:
    """Leave a verified raw image in the cache and its size and digest in the journal."""
    for warning in warnings_of(args.image):
        ports.warn(warning)

    def tell(progress: ImageProgress) -> None:
        ports.progress(f"{progress.stage} the image", done=progress.done, total=progress.total, unit="B")

    prepared = await ports.images.prepare(args.image, tell)
    if prepared.signer:
        ports.note(f"signed by {prepared.signer}")
    check_bootable(prepared, ports.node)
    _require_same_image(ports, prepared.checksum)
    ports.record.put(
        "image",
        {
            "name": args.image.name,
            "path": str(prepared.path),
            "size": prepared.size,
            "algorithm": prepared.checksum.algorithm,
            "digest": prepared.checksum.value,
            "source": str(prepared.source_checksum),
            "signer": prepared.signer,
        },
    )


def _require_same_image(ports: Ports, checksum: Checksum) -> None:
    """A run that went on with another image would leave a mixture on the disk."""
    known = ports.record.get("image")
    if known is not None and known["digest"] != checksum.value:
        raise HeldError(
            "the image has changed since this run began",
            hint=f"put the image back and resume, or start anew: bmctl deploy {ports.node.name}",
        )


STEP = Step(
    interface="image",
    name="check",
    title="check the image",
    args=CheckImage,
    run=check_image,
    budget=3600,
    typical=1,
    scope=Scope.PROCESS,
    touches=False,
)
