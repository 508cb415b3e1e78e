"""See what is on each disk of the machine, before anything is written or erased."""

from __future__ import annotations

from bmctl.agent.disks import read_disks
from bmctl.engine.step import NoArgs, Step
from bmctl.model.disks import DiskContent
from bmctl.ports import Ports

BUDGET = 240.0


async def look_at_disks(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine's disks and what is on them in the journal, as `DiskContent` in plain data."""
    disks = read_disks(await ports.agent.collect_logs(secrets=ports.secrets))
    ports.record.put("disks", [disk.to_json() for disk in disks])
    for disk in disks:
        ports.note(f"{disk.title}: {disk.summary}")


def remembered_disks(ports: Ports) -> tuple[DiskContent, ...]:
    """The disks as this run saw them; none where it has not looked."""
    return tuple(DiskContent.from_json(disk) for disk in ports.record.get("disks") or ())


STEP = Step(
    interface="agent",
    name="look_at_disks",
    title="look at the disks",
    args=NoArgs,
    run=look_at_disks,
    budget=BUDGET,
    typical=3,
    needs_ramdisk=True,
    touches=False,
)
