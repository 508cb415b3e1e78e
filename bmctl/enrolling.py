"""Enrols, manages and adopts nodes: proves that each controller answers, and keeps what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from bmctl.drivers.abilities import Description
from bmctl.errors import BmctlError
from bmctl.flows.verify import verify, verify_steps
from bmctl.model.node import Node
from bmctl.model.states import ProvisionState
from bmctl.store.interface import Owner, Store
from bmctl.store.record import NodeRecord, get_node, node_key, update_node
from bmctl.store.verbs import adopted, enrolled, managed
from bmctl.wire import Wire

LEASE = 120.0


class Admission(StrEnum):
    """What becomes of a node whose controller was looked at."""

    ENROLL = "enroll"
    MANAGE = "manage"
    ADOPT = "adopt"


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
    admission: Admission = Admission.ENROLL,
) -> tuple[Enrolment, ...]:
    """Admit nodes side by side; `told` hears of each as it ends. Machines are only looked at.

    Enrolling leaves a node new to bmctl `available`: automated cleaning is not asked for by it. Managing
    leaves a node `manageable`, and looks at the controllers of new ones alone. Adopting takes a machine
    that is in use as `active`.
    """
    slots = asyncio.Semaphore(at_once)
    desk = _Desk(wire=wire, store=store, owner=owner, clock=clock)

    async def one(node: Node) -> Enrolment:
        async with slots:
            try:
                found = await desk.admit(node, admission)
            except BmctlError as error:
                found = Enrolment(node=node, error=error)
        told(found)
        return found

    return tuple(await asyncio.gather(*(one(node) for node in nodes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Where nodes are admitted, one after another by each hand."""

    wire: Wire
    store: Store
    owner: Owner
    clock: Callable[[], float]

    async def admit(self, node: Node, admission: Admission) -> Enrolment:
        with self.store.lock(node_key(node.name), self.owner, lease=LEASE) as lock:
            before = self._known(node)
            _admitted(before, admission)
            new = before.provision_state is ProvisionState.ENROLL
            if admission is Admission.MANAGE and not new:
                return self._restate(node, lock.fence)
            try:
                description, warnings = await self._look(node, strict=new or admission is Admission.ADOPT)
            except BmctlError as error:
                text = error.message
                if new or admission is Admission.ADOPT:
                    self._keep(node, lock.fence, lambda record: _refused(record, admission, text))
                raise

            def change(record: NodeRecord) -> NodeRecord:
                return replace(
                    _admitted(record, admission),
                    power=description.power,
                    description=_plain(description),
                    last_error=None,
                )

            record = self._keep(node, lock.fence, change)
        return Enrolment(
            node=node,
            description=description,
            provision_state=record.provision_state,
            warnings=(*doubts(node, description), *warnings),
        )

    async def _look(self, node: Node, *, strict: bool) -> tuple[Description, tuple[str, ...]]:
        """What the controller says, and what its verify steps warn of; the first that fails is raised.

        Unless `strict`: then a failed one is a warning too, since the node is admitted already.
        """
        async with self.wire.driver(node) as driver:
            description = await driver.introspection.describe()
            try:
                return description, await verify(node, driver, verify_steps(node, _plain(description)))
            except BmctlError as error:
                if strict:
                    raise
                return description, (error.message,)

    def _restate(self, node: Node, fence: int) -> Enrolment:
        record = self._keep(node, fence, lambda record: replace(managed(record), last_error=None))
        return Enrolment(node=node, provision_state=record.provision_state)

    def _known(self, node: Node) -> NodeRecord:
        stored = get_node(self.store, node.name)
        record = stored.record if stored is not None else NodeRecord(name=node.name)
        return record.of_controller(node.bmc.key)

    def _keep(self, node: Node, fence: int, change: Callable[[NodeRecord], NodeRecord]) -> NodeRecord:
        def dated(record: NodeRecord) -> NodeRecord:
            return replace(change(record.of_controller(node.bmc.key)), updated=self.clock())

        return update_node(self.store, node.name, dated, fence=fence)


def _admitted(record: NodeRecord, admission: Admission) -> NodeRecord:
    """The record after all went well; `InvalidError` where the admission is not legal."""
    if admission is Admission.ENROLL:
        return enrolled(record)
    return managed(record) if admission is Admission.MANAGE else adopted(record)


def _refused(record: NodeRecord, admission: Admission, error: str) -> NodeRecord:
    """The record after the controller did not answer, or a verify step failed."""
    record = adopted(record, failed=True) if admission is Admission.ADOPT else record
    return replace(record, last_error=error)


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
