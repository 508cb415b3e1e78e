"""Enrols nodes: proves that each controller answers, and keeps what it says of its machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from bmctl.drivers.abilities import Description
from bmctl.errors import BmctlError
from bmctl.model.node import Node
from bmctl.model.states import ProvisionState
from bmctl.standing import enrolled
from bmctl.store.interface import Owner, Store
from bmctl.store.record import NodeRecord, node_key, update_node
from bmctl.wire import Wire

LEASE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """How enrolling one node ended."""

    node: Node
    description: Description | None = None
    provision_state: ProvisionState | None = None
    warnings: tuple[str, ...] = ()
    error: BmctlError | None = None


async def enroll(
    wire: Wire,
    store: Store,
    owner: Owner,
    nodes: tuple[Node, ...],
    *,
    at_once: int,
    clock: Callable[[], float],
    told: Callable[[Enrolment], None],
) -> tuple[Enrolment, ...]:
    """Enrol nodes side by side; `told` hears of each as it ends. Machines are only looked at.

    A node new to bmctl ends `available`: automated cleaning is not asked for by enrolling.
    """
    slots = asyncio.Semaphore(at_once)

    async def one(node: Node) -> Enrolment:
        async with slots:
            try:
                found = await _enroll(wire, store, owner, node, clock)
            except BmctlError as error:
                found = Enrolment(node=node, error=error)
        told(found)
        return found

    return tuple(await asyncio.gather(*(one(node) for node in nodes)))


async def _enroll(
    wire: Wire, store: Store, owner: Owner, node: Node, clock: Callable[[], float]
) -> Enrolment:
    with store.lock(node_key(node.name), owner, lease=LEASE) as lock:
        async with wire.driver(node) as driver:
            description = await driver.introspection.describe()

        def change(record: NodeRecord) -> NodeRecord:
            return replace(
                enrolled(record.of_controller(node.bmc.key)),
                power=description.power,
                description=_plain(description),
                last_error=None,
                updated=clock(),
            )

        record = update_node(store, node.name, change, fence=lock.fence)
    return Enrolment(
        node=node,
        description=description,
        provision_state=record.provision_state,
        warnings=doubts(node, description),
    )


def doubts(node: Node, description: Description) -> tuple[str, ...]:
    """Where the controller and the inventory disagree."""
    found = []
    missing = [mac for mac in node.network.macs if description.macs and mac not in description.macs]
    if missing:
        found.append(
            f"the controller knows no port {', '.join(missing)}; it has {', '.join(description.macs)}"
        )
    if description.boot_mode is not None and description.boot_mode is not node.boot_mode:
        found.append(
            f"the machine boots in {description.boot_mode} mode now, the inventory says {node.boot_mode}"
        )
    if not description.media_slots:
        found.append("the controller offers no virtual media: this node cannot be deployed through it")
    return tuple(found)


def _plain(description: Description) -> dict[str, object]:
    """The description as JSON keeps it."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(description).items()
    }
