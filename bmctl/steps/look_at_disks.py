"""See what is on each disk of the machine, before anything is written or erased."""

from __future__ import annotations

from bmctl.agent.disks import parse_listing, read_disks
from bmctl.engine.step import NoArgs, Step
from bmctl.model.disks import DiskContent
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.listing import run_listed_step
from bmctl.steps.offered import is_offered

BUDGET = 240.0
STEP_NAME = "list_disks"


async def look_at_disks(ports: Ports, _args: NoArgs) -> None:
    """Leave the machine's disks and what is on them in the journal, as `DiskContent` in plain data.

    A ramdisk whose agent cannot list them is no reason to stop: that is told.
    """
    disks = await _find(ports)
    ports.record.put("disks", [disk.to_json() for disk in disks])
    for disk in disks:
        ports.note(f"{disk.title}: {disk.summary}")


async def _find(ports: Ports) -> tuple[DiskContent, ...]:
    """The disks by the agent's listing step, which only bmctl's ramdisk has, or else by its logs."""
    if not is_offered(ports, STEP_NAME):
        return read_disks(await ports.agent.collect_logs(secrets=ports.secrets))
    # The disks are looked at again after one was wiped: an earlier answer does not count.
    count = (ports.record.get("looks at disks") or 0) + 1
    ports.record.put("looks at disks", count)
    outcome = await run_listed_step(
        ports,
        StepKind.DEPLOY,
        interface="deploy",
        name=STEP_NAME,
        priority=0,
        arguments={},
        timeout=BUDGET,
        part=str(count),
    )
    return parse_listing(str(outcome.get("deploy_result")))


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
