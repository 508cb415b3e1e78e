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
    a person.
    """

    step: AnyStep
    args: Any
    part_of: str
    priority: int
    origin: str = "core"
    reason: str = ""
    number: int = 1

    @property
    def key(self) -> str:
        """Names the task within its plan."""
        return self.step.key if self.number == 1 else f"{self.step.key}#{self.number}"

    def to_json(self) -> dict[str, Any]:
        """The task as plain data."""
        return {
            "task": self.key,
            "args": asdict(self.args),
            "part_of": self.part_of,
            "priority": self.priority,
            "origin": self.origin,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The tasks of one run of one node. `notes` are for a person: boot path, disk, image."""

    node: str
    verb: str
    tasks: tuple[Task, ...]
    notes: tuple[str, ...] = ()

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
    """The same tasks, with those that share a step told apart by number."""
    seen: dict[str, int] = {}
    result = []
    for task in tasks:
        seen[task.step.key] = seen.get(task.step.key, 0) + 1
        result.append(replace(task, number=seen[task.step.key]))
    return tuple(result)
