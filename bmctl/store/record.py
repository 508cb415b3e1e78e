"""What bmctl remembers of one node, as a typed value over the stored document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from bmctl.errors import BmctlError
from bmctl.model.firmware import PowerState
from bmctl.model.states import Event, ProvisionState, next_state
from bmctl.store.interface import NODES, Store

# Runs named in a record; all others stay in the runs folder.
_REMEMBERED_RUNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """All that must change together when something happens to a node.

    `target` is where the present run leads, `came_from` where it began, `run_id` names that run,
    `history` the runs before, newest last. `description` is what the controller said of the machine,
    `agent` what the ramdisk's agent said (`version`, `hardware`). `listings` are the steps agents
    offered: digest of the ramdisk -> `learnt` (seconds since the epoch), `agent` (version) and a listing
    for each kind of step. `inspection` is what the last inspection found. `maintenance`, `protected` and
    `retired` are the reasons why the node is so, None where it is not; `fault` is what put it in
    maintenance by itself. `controller` names the controller and machine this was learnt of: a name may
    come to mean another one. `updated` is in seconds since the epoch. `extra` keeps keys that a newer
    bmctl wrote.
    """

    name: str
    provision_state: ProvisionState = ProvisionState.ENROLL
    target: ProvisionState | None = None
    power: PowerState = PowerState.UNKNOWN
    came_from: ProvisionState | None = None
    run_id: str | None = None
    history: tuple[str, ...] = ()
    last_error: str | None = None
    description: dict[str, Any] = field(default_factory=dict)
    agent: dict[str, Any] = field(default_factory=dict)
    listings: dict[str, Any] = field(default_factory=dict)
    inspection: dict[str, Any] = field(default_factory=dict)
    maintenance: str | None = None
    fault: str | None = None
    protected: str | None = None
    retired: str | None = None
    controller: str | None = None
    updated: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)

    def move(self, event: Event, *, target: ProvisionState | None = None) -> Self:
        """The record after `event`; `InvalidError` where that is no legal move."""
        return replace(self, provision_state=next_state(self.provision_state, event), target=target)

    def begin_run(self, run_id: str) -> Self:
        """The record with this run as its present one, and the one before in its history."""
        earlier = (*self.history, self.run_id) if self.run_id else self.history
        return replace(self, run_id=run_id, history=earlier[-_REMEMBERED_RUNS:])

    def of_controller(self, controller: str) -> Self:
        """The record for the machine at this controller: a new one where the name meant another before."""
        if self.controller in {None, controller}:
            return replace(self, controller=controller)
        return replace(
            type(self)(name=self.name), controller=controller, history=self.history, extra=self.extra
        )

    def to_dict(self) -> dict[str, Any]:
        """The document to store."""
        known = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "extra"}
        return {**self.extra, **known, "history": list(self.history)}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """The value of a stored document; `BmctlError` if it holds what this bmctl does not know."""
        names = {item.name for item in fields(cls)} - {"extra"}
        known = {key: value for key, value in document.items() if key in names}
        extra = {key: value for key, value in document.items() if key not in names}
        try:
            target = known.get("target")
            known["provision_state"] = ProvisionState(known.get("provision_state", ProvisionState.ENROLL))
            known["target"] = None if target is None else ProvisionState(target)
            came_from = known.get("came_from")
            known["came_from"] = None if came_from is None else ProvisionState(came_from)
            known["power"] = PowerState(known.get("power", PowerState.UNKNOWN))
            known["history"] = tuple(known.get("history", ()))
            return cls(**known, extra=extra)
        except (TypeError, ValueError) as error:
            raise BmctlError(
                f"the state of {document.get('name')} cannot be understood: {error}",
                hint="use the bmctl that wrote it",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNode:
    """A node's record with the revision it was read at."""

    record: NodeRecord
    revision: int


def node_key(name: str) -> str:
    """The key of a node's record and of its lock."""
    return NODES + name


def get_node(store: Store, name: str) -> StoredNode | None:
    """What is remembered of a node, None if nothing."""
    found = store.get(node_key(name))
    if found is None:
        return None
    return StoredNode(record=NodeRecord.from_dict(found.value), revision=found.revision)


def list_nodes(store: Store) -> tuple[NodeRecord, ...]:
    """All remembered nodes, in the order of their names."""
    return tuple(NodeRecord.from_dict(found.value) for found in store.list(NODES))


def update_node(
    store: Store, name: str, change: Callable[[NodeRecord], NodeRecord], *, fence: int | None = None
) -> NodeRecord:
    """Store what `change` makes of the present record, a new one if there is none; returns it."""

    def change_document(document: dict[str, Any]) -> dict[str, Any]:
        present = NodeRecord.from_dict(document) if document else NodeRecord(name=name)
        return change(present).to_dict()

    return NodeRecord.from_dict(store.update(node_key(name), change_document, fence=fence).value)
