"""Where a node stands: keeps its provision state in step with its run, by legal moves only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bmctl.conduct.learning import concluded, learn, power_of, remembering_steps
from bmctl.engine.steer import AbortedError
from bmctl.errors import BmctlError, BusyError, HeldError, InvalidError
from bmctl.flows.courses import COURSES, Way
from bmctl.flows.request import Request, Verb
from bmctl.model.inspection import InspectionRule
from bmctl.model.node import Node
from bmctl.model.states import (
    COMMANDS,
    HELD,
    TRANSITIONS,
    WAITING,
    WORKING,
    Event,
    ProvisionState,
    verbs_from,
)
from bmctl.store.interface import Lock, Store
from bmctl.store.marks import Mark, RunRecord
from bmctl.store.record import NodeRecord, get_node, update_node

# States in which a run is under way, or was when its process died.
UNDER_WAY = WORKING | WAITING | HELD

# A run that goes on leaves its pause by these.
_GOING_ON = {
    **dict.fromkeys(HELD, (Event.UNHOLD, Event.RESUME)),
    **dict.fromkeys(WAITING, (Event.RESUME,)),
}
_CLEANS = frozenset({Verb.CLEAN, Verb.PROVIDE, Verb.UNDEPLOY})
_FAULTS = {**dict.fromkeys(_CLEANS, "clean failure"), Verb.SERVICE: "service failure"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The record of a node whose lock is held."""

    store: Store
    node: Node
    lock: Lock
    clock: Callable[[], float]
    rules: tuple[InspectionRule, ...] = ()

    def known(self) -> NodeRecord | None:
        """What is remembered of the node, None if nothing."""
        stored = get_node(self.store, self.node.name)
        return stored.record.of_controller(self.node.bmc.key) if stored is not None else None

    def usual_seconds(self, verb: Verb) -> dict[str, float]:
        """What each task took in the node's last run of this verb that was done."""
        known = self.known()
        if known is None:
            return {}
        by_verb = known.agent.get("usual") or {}
        return dict(by_verb.get(verb) or {})

    def give_up(self) -> None:
        """An earlier run was cut off or held, and will not be gone on with."""
        self._update(given_up)

    def enter(self, run_id: str, request: Request) -> str | None:
        """The machine is about to be touched by this run; returns the run that was its last before."""
        earlier = None

        def change(record: NodeRecord) -> NodeRecord:
            nonlocal earlier
            record = record.of_controller(self.node.bmc.key)
            if record.run_id == run_id and _is_finished(record, request.verb):
                return record
            came_from = record.provision_state
            record = entered(record, request, resumed=record.run_id == run_id)
            if record.run_id != run_id:
                earlier = record.run_id
                record = replace(record.begin_run(run_id), came_from=came_from)
            return replace(record, last_error=None)

        self._update(change)
        return earlier

    def waits(self) -> None:
        """The run waits for the agent."""
        self._update(lambda record: _moved(record, Event.WAIT))

    def goes_on(self) -> None:
        """The agent has answered."""
        self._update(lambda record: _moved(record, Event.RESUME))

    def fail(self, failure: BaseException, request: Request, run: RunRecord) -> None:
        """The run ended early; never raises over a record that is somebody else's by now."""

        def change(record: NodeRecord) -> NodeRecord:
            if record.provision_state in UNDER_WAY or isinstance(failure, AbortedError):
                record = _failed(record, failure, request, run)
            record = remembering_steps(record, run, self.clock())
            return replace(record, power=power_of(run) or record.power, last_error=failure_text(failure))

        try:
            self._update(change)
        except BusyError:
            # The lock went to somebody else: the record is theirs to write.
            return

    def finish(self, request: Request, run: RunRecord) -> None:
        """The run is done: the node is where its verb leads, and what was learnt is remembered."""

        def change(record: NodeRecord) -> NodeRecord:
            if not _is_finished(record, request.verb) or record.provision_state in UNDER_WAY:
                record = _arrived(record, request.verb)
            record = learn(record, request.verb, run, self.clock())
            record = replace(record, inspection=concluded(record, self.node, self.rules))
            return replace(_healed(record, request.verb), last_error=None)

        self._update(change)

    def _update(self, change: Callable[[NodeRecord], NodeRecord]) -> None:
        def dated(record: NodeRecord) -> NodeRecord:
            return replace(change(record), updated=self.clock())

        update_node(self.store, self.node.name, dated, fence=self.lock.fence)


def entered(record: NodeRecord, request: Request, *, resumed: bool = False) -> NodeRecord:
    """The record in the state in which this verb works, by legal moves from wherever it was.

    Raises `InvalidError` where none leads there, or a flag of the node forbids it.
    """
    course = COURSES[request.verb]
    if resumed:
        record = _walked(record, _GOING_ON.get(record.provision_state, ()))
        if record.provision_state in course.working:
            return replace(record, target=course.target)
    _require_allowed(record, request)
    way = course.ways.get(record.provision_state)
    if way is None:
        raise _no_way(record, request)
    return replace(_walked(record, way), target=course.target)


def given_up(record: NodeRecord) -> NodeRecord:
    """The record of a node whose run will not be gone on with: it failed where it was."""
    return record.move(Event.ABORT if record.provision_state in HELD else Event.FAIL)


def failure_text(failure: BaseException) -> str:
    """One line that says how a run ended early."""
    if isinstance(failure, asyncio.CancelledError):
        return "interrupted"
    return failure.message if isinstance(failure, BmctlError) else f"a bug: {failure!r}"


def failure_outcome(failure: BaseException) -> dict[str, Any]:
    """How the journal says that a run ended early."""
    kind = "interrupted" if isinstance(failure, asyncio.CancelledError) else "failed"
    if isinstance(failure, HeldError):
        kind = "held"
    elif isinstance(failure, AbortedError):
        kind = "aborted"
    hint = failure.hint if isinstance(failure, BmctlError) else None
    return {"outcome": kind, "error": failure_text(failure), "hint": hint}


def _walked(record: NodeRecord, way: Way) -> NodeRecord:
    for event in way:
        record = record.move(event)
    return record


def _moved(record: NodeRecord, event: Event) -> NodeRecord:
    """The record after a move within its run; as it is where its state knows no such move."""
    if event not in TRANSITIONS[record.provision_state]:
        return record
    return record.move(event, target=record.target)


def _is_finished(record: NodeRecord, verb: Verb) -> bool:
    """Whether the node is where the verb leads; a retired one is manageable instead of available."""
    course = COURSES[verb]
    ends = {course.target, *course.back}
    if record.retired is not None and verb in _CLEANS:
        ends.add(ProvisionState.MANAGEABLE)
    return record.provision_state in ends


def _arrived(record: NodeRecord, verb: Verb) -> NodeRecord:
    course = COURSES[verb]
    keeps_out = record.retired is not None and course.target is ProvisionState.AVAILABLE
    record = record.move(Event.MANAGE if keeps_out else course.done)
    came_from = record.came_from
    way = course.back.get(came_from, ()) if came_from is not None else ()
    return _walked(record, () if record.retired is not None else way)


def _failed(record: NodeRecord, failure: BaseException, request: Request, run: RunRecord) -> NodeRecord:
    moves = TRANSITIONS[record.provision_state]
    if isinstance(failure, HeldError):
        # Inspection and rescue know no hold: they stay under way, and nobody works on them.
        return record.move(Event.HOLD, target=record.target) if Event.HOLD in moves else record
    if isinstance(failure, AbortedError):
        return _aborted(record, request)
    record = record.move(Event.FAIL)
    fault = _FAULTS.get(request.verb)
    if fault is None or isinstance(failure, asyncio.CancelledError) or not _was_at_work(run):
        return record
    return replace(record, fault=fault, maintenance=record.maintenance or fault)


def _aborted(record: NodeRecord, request: Request) -> NodeRecord:
    """The record after an abort: failed where it was; a node in service goes on being in use."""
    moves = TRANSITIONS[record.provision_state]
    if record.provision_state in UNDER_WAY:
        record = record.move(Event.ABORT if Event.ABORT in moves else Event.FAIL)
    if record.provision_state is ProvisionState.SERVICE_FAILED and request.verb is Verb.SERVICE:
        record = record.move(Event.ABORT)
    return record


def _was_at_work(run: RunRecord) -> bool:
    """Whether a task of the run failed, rather than its preparations."""
    return Mark.FAILED in run.marks.values()


def _healed(record: NodeRecord, verb: Verb) -> NodeRecord:
    """What put the node in maintenance by itself, and has gone well now, does so no longer."""
    if record.fault is None or record.fault != _FAULTS.get(verb):
        return record
    by_itself = record.maintenance == record.fault
    return replace(record, fault=None, maintenance=None if by_itself else record.maintenance)


def _require_allowed(record: NodeRecord, request: Request) -> None:
    name = record.name
    if record.maintenance is not None and request.verb is Verb.DEPLOY:
        raise InvalidError(
            f"this node is in maintenance: {record.maintenance}",
            hint=f"if it is fit again: bmctl node maintenance {name} off",
        )
    active = record.provision_state is ProvisionState.ACTIVE
    if record.protected is not None and (
        request.verb is Verb.UNDEPLOY or (request.verb is Verb.DEPLOY and active)
    ):
        raise InvalidError(
            f"this node is protected: {record.protected}", hint=f"if it may go: bmctl node unprotect {name}"
        )
    if record.retired is not None and request.verb in {Verb.DEPLOY, Verb.PROVIDE} and not active:
        raise InvalidError(
            f"this node is retired: {record.retired}",
            hint=f"if it is to be used again: bmctl node unretire {name}",
        )
    if request.verb is Verb.DEPLOY and active and not request.rebuild:
        raise InvalidError(
            "this node is active: a deploy would destroy what runs on it",
            hint=f"if that is meant: bmctl deploy {name} --rebuild",
        )


def _no_way(record: NodeRecord, request: Request) -> InvalidError:
    """Names what is legal; a verb of bmctl is named as the command that makes it."""
    state = record.provision_state
    legal = ", ".join(sorted(f"bmctl {COMMANDS[verb]}" for verb in verbs_from(state)))
    return InvalidError(
        f"cannot {_called(request.verb)} a node that is {state}",
        hint=f"from {state} you can run: {legal}" if legal else "wait for the run that is at work",
    )


def _called(verb: Verb) -> str:
    return {Verb.PROVIDE: "clean", Verb.LEARN: "ask for the steps of"}.get(verb, verb.value)
