"""Where a node stands: keeps its provision state in step with its run, by legal moves only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bmctl.errors import BmctlError, BusyError, HeldError, InvalidError
from bmctl.model.firmware import PowerState
from bmctl.model.node import Node
from bmctl.model.states import Event, ProvisionState
from bmctl.store.interface import Lock, Store
from bmctl.store.marks import RunRecord
from bmctl.store.record import NodeRecord, get_node, update_node

UNDER_WAY = frozenset({ProvisionState.DEPLOYING, ProvisionState.DEPLOY_WAIT})

# The way of a node that is new: verified, and available without cleaning.
_ENROLLING = (
    (ProvisionState.ENROLL, Event.MANAGE),
    (ProvisionState.VERIFYING, Event.DONE),
    (ProvisionState.MANAGEABLE, Event.PROVIDE),
    (ProvisionState.CLEANING, Event.DONE),
)
# What happens by itself on the way to `deploying`.
_ON_THE_WAY = (
    *_ENROLLING,
    (ProvisionState.DEPLOY_HOLD, Event.UNHOLD),
    (ProvisionState.DEPLOY_WAIT, Event.RESUME),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The record of a node whose lock is held."""

    store: Store
    node: Node
    lock: Lock
    clock: Callable[[], float]

    def known(self) -> NodeRecord | None:
        """What is remembered of the node, None if nothing."""
        stored = get_node(self.store, self.node.name)
        return stored.record.of_controller(self.node.bmc.key) if stored is not None else None

    def usual_seconds(self) -> dict[str, float]:
        """What each task took in the node's last run that was done."""
        known = self.known()
        return dict(known.agent.get("seconds") or {}) if known is not None else {}

    def give_up(self) -> None:
        """An earlier run was cut off or held, and will not be gone on with."""

        def change(record: NodeRecord) -> NodeRecord:
            held = record.provision_state is ProvisionState.DEPLOY_HOLD
            return record.move(Event.ABORT if held else Event.FAIL)

        self._update(change)

    def enter(self, run_id: str, *, rebuild: bool) -> str | None:
        """The machine is about to be touched by this run; returns the run that was its last before."""
        earlier = None

        def change(record: NodeRecord) -> NodeRecord:
            nonlocal earlier
            record = record.of_controller(self.node.bmc.key)
            if record.run_id == run_id and record.provision_state is ProvisionState.ACTIVE:
                return record
            record = deploying(record, rebuild=rebuild)
            if record.run_id != run_id:
                earlier = record.run_id
                record = record.begin_run(run_id)
            return replace(record, last_error=None)

        self._update(change)
        return earlier

    def waits(self) -> None:
        """The run waits for the agent."""
        self._update(lambda record: record.move(Event.WAIT, target=record.target))

    def goes_on(self) -> None:
        """The agent has answered."""
        self._update(lambda record: record.move(Event.RESUME, target=record.target))

    def fail(self, failure: BaseException) -> None:
        """The run ended early; never raises over a record that is somebody else's by now."""
        text = failure_text(failure)
        event = Event.HOLD if isinstance(failure, HeldError) else Event.FAIL

        def change(record: NodeRecord) -> NodeRecord:
            if record.provision_state in UNDER_WAY:
                record = record.move(event, target=record.target if event is Event.HOLD else None)
            return replace(record, last_error=text)

        try:
            self._update(change)
        except BusyError:
            # The lock went to somebody else: the record is theirs to write.
            return

    def finish(self, run: RunRecord) -> None:
        """The node is deployed, and its machine runs."""
        agent = {
            "version": (run.get("agent") or {}).get("version"),
            "steps": run.get("agent_steps"),
            "hardware": run.get("hardware"),
            "instance_id": run.get("instance_id"),
            "seconds": dict(run.seconds),
        }

        def change(record: NodeRecord) -> NodeRecord:
            if record.provision_state is not ProvisionState.ACTIVE:
                record = record.move(Event.DONE)
            return replace(record, agent={**record.agent, **agent}, power=PowerState.ON, last_error=None)

        self._update(change)

    def _update(self, change: Callable[[NodeRecord], NodeRecord]) -> None:
        def dated(record: NodeRecord) -> NodeRecord:
            return replace(change(record), updated=self.clock())

        update_node(self.store, self.node.name, dated, fence=self.lock.fence)


def deploying(record: NodeRecord, *, rebuild: bool) -> NodeRecord:
    """The record in state `deploying`, by legal moves from wherever it was.

    Raises `InvalidError` where none leads there.
    """
    record = _walked(record, _ON_THE_WAY)
    if record.provision_state is ProvisionState.DEPLOYING:
        return replace(record, target=ProvisionState.ACTIVE)
    if record.provision_state is ProvisionState.ACTIVE and not rebuild:
        raise InvalidError(
            "this node is active: a deploy would destroy what runs on it",
            hint=f"if that is meant: bmctl deploy {record.name} --rebuild",
        )
    again = record.provision_state in {ProvisionState.ACTIVE, ProvisionState.ERROR}
    return record.move(Event.REBUILD if again and rebuild else Event.DEPLOY, target=ProvisionState.ACTIVE)


def enrolled(record: NodeRecord) -> NodeRecord:
    """The record of a node whose controller answered: a new one is available, another stays as it is."""
    return _walked(record, _ENROLLING)


def _walked(record: NodeRecord, moves: tuple[tuple[ProvisionState, Event], ...]) -> NodeRecord:
    for state, event in moves:
        if record.provision_state is state:
            record = record.move(event)
    return record


def failure_text(failure: BaseException) -> str:
    """One line that says how a run ended early."""
    if isinstance(failure, asyncio.CancelledError):
        return "interrupted"
    return failure.message if isinstance(failure, BmctlError) else f"a bug: {failure!r}"


def failure_outcome(failure: BaseException) -> dict[str, Any]:
    """How the journal says that a run ended early."""
    kind = "interrupted" if isinstance(failure, asyncio.CancelledError) else "failed"
    return {"outcome": "held" if isinstance(failure, HeldError) else kind, "error": failure_text(failure)}
