"""Stop here until an operator says to go on; a ramdisk that runs goes on running."""

from __future__ import annotations

from dataclasses import dataclass

from bmctl.engine.steer import ReachedHoldError
from bmctl.engine.step import Step
from bmctl.ports import Ports

RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Which of the plan's holds it is, counted from 1."""

    number: int


async def hold(ports: Ports, args: Hold) -> None:
    """Return where an operator has released this hold, else stop the run."""
    if args.number in released(ports.record.get(RELEASED)):
        return
    name = ports.node.name
    raise ReachedHoldError(
        f"held at hold {args.number} of the plan",
        hint=f"go on with: bmctl unhold {name}, or end it with: bmctl abort {name}",
    )


def released(fact: object) -> frozenset[int]:
    """The numbers of the holds that were released, out of the journal's fact."""
    return frozenset(fact) if isinstance(fact, list) else frozenset()


# It counts as a change, so that the node is in its working state before a run is held.
STEP = Step(
    interface="reserved",
    name="hold",
    title="hold for an operator",
    args=Hold,
    run=hold,
    budget=60,
)
