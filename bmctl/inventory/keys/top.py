"""The top-level keys of an inventory."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from bmctl.inventory.keys.base import Between, Keys
from bmctl.inventory.keys.image import ImageKeys
from bmctl.inventory.keys.network import SharedNetworkKeys
from bmctl.inventory.keys.node import Name, NodeDefaultsKeys, NodeKeys

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
    networks: dict[Name, SharedNetworkKeys] = Field(
        default_factory=dict, description="Networks by name: what `use` in a node's network takes over"
    )
    nodes: tuple[NodeKeys, ...] = Field(
        (), description="The machines, in the order in which bmctl names them"
    )
