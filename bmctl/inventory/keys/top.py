"""The top-level keys of an inventory."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from bmctl.inventory.keys.base import Between, Keys, Text
from bmctl.inventory.keys.image import ImageKeys
from bmctl.inventory.keys.inspection import InspectionRuleKeys
from bmctl.inventory.keys.network import SharedNetworkKeys
from bmctl.inventory.keys.node import NodeDefaultsKeys, NodeKeys
from bmctl.inventory.keys.steps import RunbookKeys, TemplateKeys
from bmctl.inventory.keys.values import Name, Trait

Version: TypeAlias = Annotated[int, Between(1, 1)]


class InventoryKeys(Keys):
    """Machines for bmctl."""

    version: Version = Field(1, description="Version of this format")
    defaults: NodeDefaultsKeys | None = Field(
        None, description="What every node has unless it says otherwise"
    )
    groups: dict[Name, NodeDefaultsKeys] = Field(
        default_factory=dict, description="What the nodes of a group have unless they say otherwise"
    )
    images: dict[Name, ImageKeys] = Field(default_factory=dict, description="Images by name")
    keys: dict[Name, Text] = Field(
        default_factory=dict,
        description="Public keys by name that images are signed with: file:PATH, or the key's own text",
    )
    networks: dict[Name, SharedNetworkKeys] = Field(
        default_factory=dict, description="Networks by name: what `use` in a node's network takes over"
    )
    templates: dict[Trait, TemplateKeys] = Field(
        default_factory=dict, description="Deploy templates by the trait that asks for them"
    )
    runbooks: dict[Name, RunbookKeys] = Field(
        default_factory=dict, description="Runbooks by name: steps for cleaning and service"
    )
    inspection_rules: tuple[InspectionRuleKeys, ...] = Field(
        (), description="Traits and properties that follow from what an inspection finds"
    )
    nodes: tuple[NodeKeys, ...] = Field(
        (), description="The machines, in the order in which bmctl names them"
    )
