"""Steps as people speak of them: what a node offers, and what an operator asks for.

What runs a step lives in `bmctl.steps` (controller-side) and in the ramdisk's agent (in-band).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self


class StepKind(StrEnum):
    """The operations that are made of steps. An agent lists all but `verify`, which runs at enrolment."""

    VERIFY = "verify"
    CLEAN = "clean"
    DEPLOY = "deploy"
    SERVICE = "service"


# Interfaces whose names a user's step may have; of two clean or deploy steps with one priority,
# the one with the higher value goes first.
INTERFACES: Mapping[str, int] = MappingProxyType(
    {"vendor": 7, "power": 6, "management": 5, "firmware": 4, "deploy": 3, "bios": 2, "raid": 1}
)


class ReservedStep(StrEnum):
    """Steps that bmctl itself runs, in every kind of operation; their interface is ignored."""

    HOLD = "hold"
    WAIT = "wait"
    POWER_ON = "power_on"
    POWER_OFF = "power_off"
    REBOOT = "reboot"


# Those that may be executed on child nodes.
POWER_STEPS = frozenset({ReservedStep.POWER_ON, ReservedStep.POWER_OFF, ReservedStep.REBOOT})


class StepSource(StrEnum):
    """Who runs a step; `core` are the parts that every deploy has."""

    CORE = "core"
    CONTROLLER = "controller"
    AGENT = "agent"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepArgument:
    """One argument of a step. `type` is empty where nobody says (an agent does not)."""

    name: str
    description: str = ""
    required: bool = False
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOffer:
    """A step that a node can run.

    `priority` is the default one, 0 means only when asked for. `destroys` None means that it is not
    known whether data is lost. `manager` is the agent's hardware manager that brings it.
    """

    kind: StepKind
    interface: str
    step: str
    source: StepSource
    priority: int = 0
    arguments: tuple[StepArgument, ...] = ()
    description: str = ""
    abortable: bool = False
    needs_ramdisk: bool = False
    reboots: bool = False
    destroys: bool | None = None
    manager: str = ""

    @property
    def key(self) -> str:
        """The step as `interface.step`, the way people write it."""
        return f"{self.interface}.{self.step}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands in a file; `line` and `column` count from 1, 0 where there is none."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStep:
    """A step that somebody asks for.

    `origin` says who, in a person's words ("template CUSTOM_RAID", "runbook refresh", "command line");
    `place` where it stands, `argument_places` where its arguments do. `priority` counts in deploys
    alone. With `on_children` it runs on each child node, or on those in `children`, and not on the node
    itself.
    """

    interface: str
    step: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    priority: int | None = None
    origin: str = ""
    place: Place | None = None
    argument_places: Mapping[str, Place] = field(default_factory=dict, compare=False)
    on_children: bool = False
    children: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The step as `interface.step`."""
        return f"{self.interface}.{self.step}"

    @property
    def reserved(self) -> ReservedStep | None:
        """Which of bmctl's own steps it is, None if none."""
        return ReservedStep(self.step) if self.step in frozenset(ReservedStep) else None

    def to_json(self) -> dict[str, Any]:
        """The step as plain data; `from_json` reads it."""
        place = self.place
        return {
            "interface": self.interface,
            "step": self.step,
            "arguments": dict(self.arguments),
            "priority": self.priority,
            "origin": self.origin,
            "place": None if place is None else [place.file, place.line, place.column],
            "on_children": self.on_children,
            "children": list(self.children),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The step out of plain data."""
        place = data.get("place")
        return cls(
            interface=data["interface"],
            step=data["step"],
            arguments=dict(data.get("arguments") or {}),
            priority=data.get("priority"),
            origin=data.get("origin", ""),
            place=None if place is None else Place(file=place[0], line=place[1], column=place[2]),
            on_children=bool(data.get("on_children")),
            children=tuple(data.get("children") or ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployTemplate:
    """Steps for the deploys of nodes that were asked to have the trait of this name."""

    name: str
    steps: tuple[WantedStep, ...]
    description: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """Steps for cleaning and service, in order.

    It is for nodes that share a trait with `traits`; with none given, for those that have a trait of
    its own name. `disable_ramdisk` None leaves it to the steps whether the ramdisk is booted.
    """

    name: str
    steps: tuple[WantedStep, ...]
    traits: tuple[str, ...] = ()
    disable_ramdisk: bool | None = None
    description: str = ""
    place: Place | None = None

    def is_for(self, traits: tuple[str, ...]) -> bool:
        """Whether a node with these traits may be treated by it."""
        return bool(set(self.traits or (self.name,)) & set(traits))
