"""See that the agent runs on the machine that is meant, and that its disk can take the image."""

from __future__ import annotations

from bmctl.agent import identity
from bmctl.agent.root_disk import choose_root_disk
from bmctl.engine.step import NoArgs, Step
from bmctl.errors import BmctlError
from bmctl.ports import Ports

# The config drive is a partition that the agent puts at the end of the disk.
CONFIG_DRIVE_ROOM = 65 * 1024**2


async def verify_machine(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine's hardware and the disk that will be written in the journal.

    A machine without such a disk is fine where no image is written.
    """
    hardware = await ports.agent.hardware()
    identity.verify_machine(hardware, ports.node)
    ports.record.put("hardware", dict(hardware.raw))
    try:
        disk = choose_root_disk(
            hardware,
            ports.node.root_device,
            image_size=_needed(ports),
            skip=ports.node.skip_block_devices,
        )
    except BmctlError as error:
        if ports.record.get("image") is not None:
            raise
        ports.note(f"there is no root disk: {error.message}")
        return
    ports.record.put("disk", {"name": disk.name, "size": disk.size, "text": str(disk)})
    ports.evidence.see("disk", str(disk))
    ports.note(f"the image goes to {disk}" if ports.record.get("image") else f"the root disk is {disk}")


def _needed(ports: Ports) -> int:
    """Bytes of the image and of the config drive behind it."""
    image = ports.record.get("image")
    if image is None:
        return 0
    return int(image["size"]) + (CONFIG_DRIVE_ROOM if ports.node.instance.config_drive else 0)


STEP = Step(
    interface="agent",
    name="verify_machine",
    title="verify the machine",
    args=NoArgs,
    run=verify_machine,
    budget=300,
    typical=2,
    boots=True,
    touches=False,
)
