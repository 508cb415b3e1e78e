"""What an upgrade check is, what it finds, and how all of them are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bmctl.upgrade.look import Look


class Level(IntEnum):
    """How bad it is. The numbers of SUCCESS, WARNING and FAILURE are those a checking command ends with."""

    SUCCESS = 0
    WARNING = 1
    FAILURE = 2


class UnseenError(Exception):
    """What a check has to look at is not there; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing an operator should know before or after an upgrade.

    `text` reads well for several nodes alike: the node is in `node`, and `place` is a file with line and
    column. `remedy` is the next thing to do.
    """

    level: Level
    text: str
    remedy: str
    node: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that is looked for. `run` only looks."""

    name: str
    title: str
    run: Callable[[Look], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a check found. `skipped` says what it could not look at, `broken` how it failed itself."""

    check: Check
    findings: tuple[Finding, ...] = ()
    skipped: str = ""
    broken: str = ""

    @property
    def level(self) -> Level:
        """The worst of what was found."""
        return max((finding.level for finding in self.findings), default=Level.SUCCESS)


def run_checks(checks: Iterable[Check], look: Look) -> tuple[Result, ...]:
    """The results of all checks, in their order; one that breaks does not keep the others from running."""
    return tuple(_run(check, look) for check in checks)


def _run(check: Check, look: Look) -> Result:
    try:
        return Result(check=check, findings=tuple(check.run(look)))
    except UnseenError as unseen:
        return Result(check=check, skipped=str(unseen))
    except Exception as error:  # noqa: BLE001 - a check that breaks is a result, and the others still count
        return Result(check=check, broken=f"{type(error).__name__}: {error}")
