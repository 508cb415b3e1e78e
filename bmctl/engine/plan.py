"""A plan is a value: the tasks of one run in order, each with where it came from and why."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from bmctl.engine.step import AnyStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One step with its arguments.

    `part_of` is the core step of the deploy order it belongs to, with that step's `priority`.
    `origin` says who asked for it ("core", "agent", the name of a template); `reason` says why, for
    a person. `subject` tells apart tasks of one step that do it for different things. `on` names the
    child or parent node that the step acts on in place of the plan's own. `destroys` None leaves it to
    the step. A task that is not `abortable` is not cut off.
    """

    step: AnyStep
    args: Any
    part_of: str
    priority: int
    origin: str = "core"
    reason: str = ""
    subject: str = ""
    on: str = ""
    destroys: bool | None = None
    abortable: bool = True
    number: int = 1

    @property
    def name(self) -> str:
        """The step, what it is done for where the step alone does not say it, and on which other node."""
        subject = f":{self.subject}" if self.subject else ""
        return f"{self.step.key}{subject}@{self.on}" if self.on else f"{self.step.key}{subject}"

    @property
    def key(self) -> str:
        """Names the task within its plan, and in every plan made of the same node."""
        return self.name if self.number == 1 else f"{self.name}#{self.number}"

    @property
    def title(self) -> str:
        """What is done, for a person."""
        title = f"{self.step.title}: {self.subject}" if self.subject else self.step.title
        return f"{title} (on {self.on})" if self.on else title

    @property
    def is_destructive(self) -> bool:
        """Whether data is lost, as far as it is known."""
        return self.step.destroys if self.destroys is None else self.destroys

    def is_called(self, word: str) -> bool:
        """Whether a person may mean this task by `word`: its key, its step or the agent's, its core step."""
        return word in {self.key, self.name, self.step.key, self.subject, self.part_of}

    def to_json(self) -> dict[str, Any]:
        """The task as plain data."""
        return {
            "task": self.key,
            "args": asdict(self.args),
            "part_of": self.part_of,
            "priority": self.priority,
            "origin": self.origin,
            "reason": self.reason,
            "destroys": self.is_destructive,
            "needs_ramdisk": self.step.needs_ramdisk,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The tasks of one run of one node. `notes` are for a person: boot path, disk, image."""

    node: str
    verb: str
    tasks: tuple[Task, ...]
    notes: tuple[str, ...] = ()

    def position(self, key: str) -> int | None:
        """Where the task of this key stands, None where it does not."""
        return next((index for index, task in enumerate(self.tasks) if task.key == key), None)

    @property
    def digest(self) -> str:
        """Changes when anything that will be done changes."""
        text = json.dumps([task.to_json() for task in self.tasks], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "node": self.node,
            "verb": self.verb,
            "digest": self.digest,
            "notes": list(self.notes),
            "tasks": [task.to_json() for task in self.tasks],
        }


def numbered(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The same tasks, with those that share step and subject told apart by number."""
    seen: dict[str, int] = {}
    result = []
    for task in tasks:
        seen[task.name] = seen.get(task.name, 0) + 1
        result.append(replace(task, number=seen[task.name]))
    return tuple(result)
