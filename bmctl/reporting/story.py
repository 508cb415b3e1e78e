"""A run as it went: values that say the same to a table, a page and a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from bmctl.store.fetch_log import FetchNote


class Worker(StrEnum):
    """Whose work a task's time is, or what is waited for."""

    MACHINE = "machine"  # it boots, and all wait for it
    CONTROLLER = "controller"
    AGENT = "agent"
    BMCTL = "bmctl"


class Ending(StrEnum):
    """How a task, one try of it, or a run ended: the journal's words, and those it cannot write itself."""

    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    INTERRUPTED = "interrupted"
    ABORTED = "aborted"
    CUT_OFF = "cut off"  # the process died
    TAKEN_BACK = "taken back"  # done, but its result was gone when the run went on
    RUNNING = "running"
    NOT_BEGUN = "not begun"
    FORGOTTEN = "forgotten"  # its folder is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try of a task, in seconds since the epoch; `ended` None while it runs."""

    began: float
    ended: float | None
    ending: Ending

    @property
    def seconds(self) -> float | None:
        """How long it took, None while it runs."""
        return None if self.ended is None else self.ended - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStory:
    """One task of the run's plan. `part_of` is its core step; `evidence` what was seen when it failed."""

    key: str
    title: str
    part_of: str
    worker: Worker
    origin: str = "core"
    reason: str = ""
    tries: tuple[Try, ...] = ()
    error: str | None = None
    hint: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def ending(self) -> Ending:
        """How its last try ended."""
        return self.tries[-1].ending if self.tries else Ending.NOT_BEGUN

    @property
    def seconds(self) -> float | None:
        """How long all its tries took together; None where none has ended."""
        known = [one.seconds for one in self.tries if one.seconds is not None]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """The part of a run that one process did; times in seconds since the epoch."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it was at work."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A warning or a note that was told while a task ran."""

    at: float
    task: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStory:
    """A run from its beginning to where it is now.

    `ended` is when the last process had done its part, None while one is at it. `versions` names bmctl,
    agent, ramdisk and plan, as far as they are known. Times are in seconds since the epoch.
    """

    run: str
    node: str
    verb: str
    began: float
    ended: float | None
    ending: Ending
    error: str | None = None
    hint: str | None = None
    sittings: tuple[Sitting, ...] = ()
    tasks: tuple[TaskStory, ...] = ()
    fetches: tuple[FetchNote, ...] = ()
    warnings: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    versions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long bmctl was at work, without the time from a process's end to the next one's beginning."""
        return sum(sitting.seconds for sitting in self.sittings)

    @property
    def resumes(self) -> int:
        """How often the run was gone on with."""
        return max(0, len(self.sittings) - 1)

    @property
    def last_sign(self) -> float:
        """When anything of the run was heard last."""
        return max([self.began, *(sitting.ended for sitting in self.sittings)])

    def seconds_of(self, worker: Worker) -> float:
        """How long the tasks of one kind took together."""
        return sum(task.seconds or 0.0 for task in self.tasks if task.worker is worker)

    def to_json(self) -> dict[str, Any]:
        """The story as plain data with the sums a reader would have to make; an ending is an `outcome`."""
        plain = asdict(self)
        del plain["ending"]
        return {
            **plain,
            "outcome": self.ending.value,
            "seconds": _rounded(self.seconds),
            "resumes": self.resumes,
            "tasks": [_task_json(task) for task in self.tasks],
        }


def _task_json(task: TaskStory) -> dict[str, Any]:
    tries = [
        {
            "began": one.began,
            "ended": one.ended,
            "seconds": _rounded(one.seconds),
            "outcome": one.ending.value,
        }
        for one in task.tries
    ]
    return {
        **asdict(task),
        "outcome": task.ending.value,
        "seconds": _rounded(task.seconds),
        "tries": tries,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
