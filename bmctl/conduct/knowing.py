"""What is known of a node when its plan is made, out of the inventory and the node's record."""

from __future__ import annotations

from bmctl.flows.knowledge import Knowledge
from bmctl.flows.remembered import listings_of
from bmctl.inventory.selection import Inventory
from bmctl.model.node import Node
from bmctl.store.record import NodeRecord


def knowledge_of(
    inventory: Inventory, node: Node, record: NodeRecord | None, *, ramdisk: str | None
) -> Knowledge:
    """All of it; `ramdisk` is the digest of the one the node will boot, whose steps are remembered.

    Where there is none yet, the steps that were told last count.
    """
    remembered = record.of_controller(node.bmc.key) if record is not None else None
    return Knowledge(
        description=remembered.description if remembered else None,
        listings=listings_of(remembered.listings, ramdisk) if remembered else {},
        inspection=remembered.inspection if remembered else {},
        templates=inventory.templates,
        runbooks=inventory.runbooks,
        parent=next((other for other in inventory.nodes if other.name == node.parent), None),
        children=tuple(other for other in inventory.nodes if other.parent == node.name),
    )
