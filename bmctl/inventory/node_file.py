"""A node file: what a plan needs of a node, where no machine is.

It is an inventory, or one node's keys with the other sections beside them or beside `node`. What a
machine would have to be there for is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Network
from itertools import count
from pathlib import Path

from bmctl.inventory.keys.top import InventoryKeys
from bmctl.inventory.loading import examine
from bmctl.inventory.problems import InventoryError
from bmctl.inventory.selection import Inventory
from bmctl.inventory.text_values import prefix
from bmctl.inventory.tree import Body, Items, Tree, merge
from bmctl.model.network import Prefix
from bmctl.model.node import DriverName

NETWORK = IPv6Network("2001:db8:ffff::/64")
"""Where made-up nodes live; reserved for documentation (RFC 3849)."""

IMAGE = "https://images.example.org/made-up.img"
"""What made-up deploys write; nobody is there (RFC 2606)."""

# Host numbers of made-up addresses start here, beyond the usual gateways.
_FIRST_HOST = 16


def load_node_file(path: Path) -> Inventory:
    """The one node of a node file, or all of them where it is a whole inventory.

    A missing `bmc` becomes a machine in memory, a missing `network` an address of a made-up port, and a
    missing `image` a URL that leads nowhere.
    Raises `InventoryError` with every mistake in it.
    """
    found = examine(path, _MadeUp())
    if found.errors:
        raise InventoryError(path, found.errors)
    return found.inventory


@dataclass(frozen=True, slots=True)
class _MadeUp:
    """Completes nodes, each with a number of its own."""

    _numbers: Iterator[int] = field(default_factory=lambda: count(_FIRST_HOST))

    def root(self, root: Body) -> Body:
        """The file with its one node in `nodes`."""
        if "nodes" in root:
            return root
        node, whole = _apart(root)
        mark = root.values_at.get("node", root.mark)
        nodes = Items(mark)
        nodes.add(node, mark)
        whole.put("nodes", nodes, key_at=mark, value_at=mark)
        return whole

    def node(self, whole: Body) -> Body:
        """The node with name, controller, network and image."""
        number = next(self._numbers)
        if "name" not in whole:
            _add(whole, "name", f"node{number - _FIRST_HOST or ''}")
        if "image" not in whole:
            _add(whole, "image", IMAGE)
        bmc = whole.get("bmc")
        if bmc is None or (isinstance(bmc, Body) and "address" not in bmc):
            _add(whole, "bmc", _controller(bmc or Body(whole.mark), str(whole["name"])))
        network = whole.get("network")
        if network is None or (isinstance(network, Body) and not {"address", "attachments"} & set(network)):
            _add(whole, "network", _network(network or Body(whole.mark), number))
        return whole


def _apart(root: Body) -> tuple[Tree, Body]:
    """The node and the sections: what stands in `node` and beside it, else known sections and the rest."""
    if "node" in root:
        return root["node"], _part(root, [key for key in root if key != "node"])
    sections = [key for key in root if key in InventoryKeys.model_fields]
    return _part(root, [key for key in root if key not in sections]), _part(root, sections)


def _part(body: Body, keys: Sequence[str]) -> Body:
    part = Body(body.mark)
    for key in keys:
        part.put(key, body[key], key_at=body.keys_at[key], value_at=body.values_at[key])
    return part


def _add(body: Body, key: str, value: Tree) -> None:
    """Set a key that stands nowhere, as if it stood where the mapping does."""
    body.put(key, value, key_at=body.keys_at.get(key, body.mark), value_at=body.values_at.get(key, body.mark))


def _controller(bmc: Body, name: str) -> Body:
    bmc = merge(bmc)
    _add(bmc, "driver", DriverName.FAKE.value)
    _add(bmc, "address", f"fake:{name}")
    return bmc


def _network(network: Body, number: int) -> Body:
    """The network with an address in the first prefix it has, and a port."""
    network = merge(network)
    if not (inside := _prefix(network.get("prefix"))) or number >= inside.num_addresses:
        for key in ("prefix", "gateway", "routes"):
            network.pop(key, None)
        inside = NETWORK
    _add(network, "address", f"{inside[number]}/{inside.prefixlen}")
    if not {"mac", "bond", "links"} & set(network):
        _add(network, "mac", f"02{number:010x}")
    return network


def _prefix(written: Tree) -> Prefix | None:
    first = written[0] if isinstance(written, Items) and written else written
    with suppress(ValueError):
        return prefix(first) if isinstance(first, str) else None
    return None
