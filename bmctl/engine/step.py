"""What a step is: a name, typed arguments and a function that leaves a state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bmctl.model.steps import StepKind

if TYPE_CHECKING:
    from bmctl.ports import Ports

ArgsT = TypeVar("ArgsT")


class Replay(StrEnum):
    """What a resume does with a step that was interrupted."""

    AGAIN = "again"  # it leaves a state: running it twice ends in the same place
    ASK = "ask"  # it may have changed what cannot be changed back: an operator decides


class Scope(StrEnum):
    """What a step's result lives in, and so what a resume must look at before it trusts a mark."""

    MACHINE = "machine"  # the machine or its controller remembers
    PROCESS = "process"  # gone with this process (a file being served): done again on resume


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What makes a controller-side step one that operators may ask for by name.

    `ability` is the one of `Description.abilities` that the node's controller must have. A kind that is
    not in `priorities` runs it only when asked for. `reboots` says that a ramdisk which ran before is
    gone afterwards. Arguments and their types are those of the step's `args`; a field's
    `metadata["description"]` describes it.
    """

    kinds: frozenset[StepKind]
    ability: str
    description: str
    priorities: Mapping[StepKind, int] = field(default_factory=dict)
    abortable: bool = False
    reboots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[ArgsT]):
    """One kind of work. `budget` is its longest time and `typical` its usual one, in seconds.

    `boots` marks the steps that bring the ramdisk up; `needs_ramdisk` those that talk to it.
    `touches` False promises that the machine is only looked at.
    """

    interface: str
    name: str
    title: str
    args: type[ArgsT]
    run: Callable[[Ports, ArgsT], Awaitable[None]]
    budget: float
    typical: float = 1.0
    replay: Replay = Replay.AGAIN
    scope: Scope = Scope.MACHINE
    boots: bool = False
    needs_ramdisk: bool = False
    touches: bool = True
    destroys: bool = False
    offered: Offered | None = None

    @property
    def key(self) -> str:
        """The step as `interface.step`, the way people write it."""
        return f"{self.interface}.{self.name}"


@dataclass(frozen=True, slots=True)
class NoArgs:
    """For steps that need to be told nothing."""


AnyStep = Step[Any]
