"""What an operator asks for; a run keeps it, so that a resume plans the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from bmctl.model.steps import WantedStep


class Verb(StrEnum):
    """What can be done to a node by a run. `provide` is automated cleaning, `clean` is by given steps."""

    DEPLOY = "deploy"
    UNDEPLOY = "undeploy"
    PROVIDE = "provide"
    CLEAN = "clean"
    SERVICE = "service"
    INSPECT = "inspect"
    RESCUE = "rescue"
    UNRESCUE = "unrescue"
    LEARN = "learn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One verb for one or many nodes.

    `steps` are those asked for by the operator, in order. `runbook` names one of the inventory's in
    their place. `disable_ramdisk` promises that no step needs the ramdisk. `rebuild` allows a deploy over
    a system that is in use.
    """

    verb: Verb = Verb.DEPLOY
    steps: tuple[WantedStep, ...] = ()
    runbook: str | None = None
    disable_ramdisk: bool = False
    rebuild: bool = False

    def to_json(self) -> dict[str, Any]:
        """The request as plain data; `from_json` reads it."""
        return {
            "verb": self.verb.value,
            "steps": [step.to_json() for step in self.steps],
            "runbook": self.runbook,
            "disable_ramdisk": self.disable_ramdisk,
            "rebuild": self.rebuild,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The request out of plain data."""
        return cls(
            verb=Verb(data["verb"]),
            steps=tuple(WantedStep.from_json(step) for step in data["steps"]),
            runbook=data["runbook"],
            disable_ramdisk=data["disable_ramdisk"],
            rebuild=data["rebuild"],
        )
