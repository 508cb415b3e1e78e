"""Keys of deploy templates, runbooks and their steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from bmctl.inventory import text_values
from bmctl.inventory.keys.base import Between, Keys, Line, OneOrMany, Switch, Text, described, reads
from bmctl.inventory.keys.values import Name, Priority, Trait
from bmctl.inventory.scalars import typed

StepName: TypeAlias = Annotated[
    str, reads(text_values.step_name), described(examples=("erase_devices_metadata", "hold"))
]
Order: TypeAlias = Annotated[int, Between(0, 1_000_000)]


def _arguments(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - pydantic tells a ValueError to the operator, and no other
            f"must be a mapping of names and values, not {text_values.kind_of(value)}"
        )
    return {key: typed(inner) for key, inner in value.items()}


Arguments: TypeAlias = Annotated[
    Mapping[str, Any], PlainValidator(_arguments), WithJsonSchema({"type": "object"})
]

_ON_CHILDREN = "belongs to runbooks and step files; the steps of a template run on the deployed node alone"


class StepKeys(Keys):
    """One step."""

    interface: Line | None = Field(
        None, description="The step's interface, such as deploy or bios; a reserved step needs none"
    )
    step: StepName | None = Field(None, description="The step's name, or a reserved one, such as hold")
    args: Arguments | None = Field(None, description="The step's arguments by name")


class TemplateStepKeys(StepKeys):
    """One step of a deploy template."""

    foreign: ClassVar[Mapping[str, str]] = {
        "order": "belongs to runbooks; a template's steps are ordered by priority",
        "execute_on_child_nodes": _ON_CHILDREN,
        "limit_child_node_execution": _ON_CHILDREN,
    }

    priority: Priority | None = Field(
        None, description="Higher goes first, core steps have 20 to 100; 0 takes the step out of the deploy"
    )


class ListedStepKeys(StepKeys):
    """One step of a list that is run in order."""

    execute_on_child_nodes: Switch | None = Field(
        None, description="Run the step on the child nodes instead of on the node"
    )
    limit_child_node_execution: OneOrMany[Name] | None = Field(
        None, description="The child nodes it runs on; all of them where not given"
    )


class RunbookStepKeys(ListedStepKeys):
    """One step of a runbook."""

    foreign: ClassVar[Mapping[str, str]] = {
        "priority": "belongs to templates; a runbook's steps run in order"
    }

    order: Order | None = Field(
        None, description="Place among the runbook's steps; either all of them have one, or none"
    )


class FileStepKeys(ListedStepKeys):
    """One step of a step file."""

    foreign: ClassVar[Mapping[str, str]] = {"order": "belongs to runbooks; a file's steps run as they stand"}

    priority: Priority | None = Field(None, description="Counts in deploys alone")


class TemplateKeys(Keys):
    """Steps that are merged into the deploy of a node whose instance asks for the trait of this name."""

    description: Text | None = Field(None, description="What it is for")
    steps: tuple[TemplateStepKeys, ...] | None = Field(None, description="Its steps, one at least")


class RunbookKeys(Keys):
    """Steps for cleaning and service, in order."""

    description: Text | None = Field(None, description="What it is for")
    traits: OneOrMany[Trait] | None = Field(
        None,
        description="It is for nodes with one of these; where not given, for nodes with a trait of its name",
    )
    disable_ramdisk: Switch | None = Field(
        None, description="true: never boot the ramdisk; not given: boot it where a step needs it"
    )
    steps: tuple[RunbookStepKeys, ...] | None = Field(None, description="Its steps, one at least")


class StepFileKeys(Keys):
    """A list of steps in a file of its own."""

    steps: tuple[FileStepKeys, ...] | None = Field(None, description="The steps, in order")
