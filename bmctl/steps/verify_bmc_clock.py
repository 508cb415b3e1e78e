"""See that the controller's clock is right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bmctl.engine.step import Offered, Step
from bmctl.errors import BmctlError
from bmctl.model.controller import Ability
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.refusing import required

# Time zones differ by quarters of an hour, and by 14 hours at most.
_QUARTER = timedelta(minutes=15)
_FARTHEST_ZONE = timedelta(hours=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyBmcClock:
    """How exact the clock must be."""

    tolerance: float = field(default=120.0, metadata={"description": "seconds that it may be wrong"})


async def verify_bmc_clock(ports: Ports, args: VerifyBmcClock) -> None:
    """Look at the clock, by which the controller judges certificates.

    One that is in another time zone than it says is only warned of. Raises `BmctlError` where it is wrong.
    """
    clock = required(ports.driver.clock, "tell its time")
    told = await clock.read()
    ahead = told - datetime.now(UTC)
    ports.evidence.see("controller's clock", said_of(ahead))
    tolerance = timedelta(seconds=args.tolerance)
    if abs(ahead) <= tolerance:
        return
    if _is_zone(ahead, tolerance):
        ports.warn(f"the controller's clock is {said_of(ahead)}: is its time zone right?")
        return
    raise BmctlError(
        f"the controller's clock is {said_of(ahead)} (it says {told.isoformat(timespec='seconds')})",
        hint="give the controller a time server; https media and certificates fail with a wrong clock",
    )


def said_of(ahead: timedelta) -> str:
    """How wrong a clock is, in words: days, else hours and minutes, else seconds."""
    seconds = round(abs(ahead.total_seconds()))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours >= 48:
        size = f"{hours // 24} days"
    elif seconds >= 120:
        size = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    else:
        size = f"{seconds} s"
    return f"{size} {'ahead' if ahead > timedelta() else 'behind'}"


def _is_zone(ahead: timedelta, tolerance: timedelta) -> bool:
    off = (abs(ahead) + tolerance) % _QUARTER
    return abs(ahead) <= _FARTHEST_ZONE + tolerance and off <= 2 * tolerance


STEP = Step(
    interface="management",
    name="verify_bmc_clock",
    title="look at the controller's clock",
    args=VerifyBmcClock,
    run=verify_bmc_clock,
    budget=120,
    touches=False,
    offered=Offered(
        kinds=frozenset({StepKind.VERIFY}),
        ability=Ability.CLOCK,
        description="compares the controller's clock with this host's",
        priorities={StepKind.VERIFY: 1},
    ),
)
