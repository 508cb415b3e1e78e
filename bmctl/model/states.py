"""Provision states, the events that move a node between them, and the one table of moves.

The names and moves are those of the bare metal service's state machine, so that a node's state means
the same to every tool. Diagrams and checks are made from `TRANSITIONS`; no other module lists moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from bmctl.errors import InvalidError


class ProvisionState(StrEnum):
    """Where a node stands between unknown and in use."""

    ENROLL = "enroll"
    VERIFYING = "verifying"
    MANAGEABLE = "manageable"
    INSPECTING = "inspecting"
    INSPECT_WAIT = "inspect wait"
    INSPECT_FAILED = "inspect failed"
    ADOPTING = "adopting"
    ADOPT_FAILED = "adopt failed"
    CLEANING = "cleaning"
    CLEAN_WAIT = "clean wait"
    CLEAN_HOLD = "clean hold"
    CLEAN_FAILED = "clean failed"
    AVAILABLE = "available"
    DEPLOYING = "deploying"
    DEPLOY_WAIT = "wait call-back"
    DEPLOY_HOLD = "deploy hold"
    DEPLOY_FAILED = "deploy failed"
    ACTIVE = "active"
    DELETING = "deleting"
    ERROR = "error"
    RESCUING = "rescuing"
    RESCUE_WAIT = "rescue wait"
    RESCUE = "rescue"
    RESCUE_FAILED = "rescue failed"
    UNRESCUING = "unrescuing"
    UNRESCUE_FAILED = "unrescue failed"
    SERVICING = "servicing"
    SERVICE_WAIT = "service wait"
    SERVICE_HOLD = "service hold"
    SERVICE_FAILED = "service failed"


class Event(StrEnum):
    """What moves a node: verbs an operator asks for, then events only a run makes.

    A run also makes `manage` while cleaning and `clean` while deleting; see `INTERNAL_VERBS`.
    """

    MANAGE = "manage"
    PROVIDE = "provide"
    CLEAN = "clean"
    INSPECT = "inspect"
    ADOPT = "adopt"
    DEPLOY = "deploy"
    REBUILD = "rebuild"
    DELETE = "delete"
    RESCUE = "rescue"
    UNRESCUE = "unrescue"
    SERVICE = "service"
    ABORT = "abort"
    UNHOLD = "unhold"
    DONE = "done"
    FAIL = "fail"
    WAIT = "wait"
    RESUME = "resume"
    HOLD = "hold"


_S = ProvisionState
_E = Event

TRANSITIONS: Mapping[ProvisionState, Mapping[Event, ProvisionState]] = MappingProxyType(
    {
        _S.ENROLL: {_E.MANAGE: _S.VERIFYING},
        _S.VERIFYING: {_E.DONE: _S.MANAGEABLE, _E.FAIL: _S.ENROLL},
        _S.MANAGEABLE: {
            _E.PROVIDE: _S.CLEANING,
            _E.CLEAN: _S.CLEANING,
            _E.INSPECT: _S.INSPECTING,
            _E.ADOPT: _S.ADOPTING,
        },
        _S.INSPECTING: {_E.DONE: _S.MANAGEABLE, _E.WAIT: _S.INSPECT_WAIT, _E.FAIL: _S.INSPECT_FAILED},
        _S.INSPECT_WAIT: {
            _E.DONE: _S.MANAGEABLE,
            _E.RESUME: _S.INSPECTING,
            _E.FAIL: _S.INSPECT_FAILED,
            _E.ABORT: _S.INSPECT_FAILED,
        },
        _S.INSPECT_FAILED: {_E.INSPECT: _S.INSPECTING, _E.MANAGE: _S.MANAGEABLE},
        _S.ADOPTING: {_E.DONE: _S.ACTIVE, _E.FAIL: _S.ADOPT_FAILED},
        _S.ADOPT_FAILED: {_E.ADOPT: _S.ADOPTING, _E.MANAGE: _S.MANAGEABLE},
        _S.CLEANING: {
            _E.DONE: _S.AVAILABLE,
            _E.MANAGE: _S.MANAGEABLE,
            _E.WAIT: _S.CLEAN_WAIT,
            _E.HOLD: _S.CLEAN_HOLD,
            _E.FAIL: _S.CLEAN_FAILED,
        },
        _S.CLEAN_WAIT: {
            _E.RESUME: _S.CLEANING,
            _E.HOLD: _S.CLEAN_HOLD,
            _E.FAIL: _S.CLEAN_FAILED,
            _E.ABORT: _S.CLEAN_FAILED,
        },
        _S.CLEAN_HOLD: {_E.UNHOLD: _S.CLEAN_WAIT, _E.ABORT: _S.CLEAN_FAILED},
        _S.CLEAN_FAILED: {_E.MANAGE: _S.MANAGEABLE},
        _S.AVAILABLE: {_E.DEPLOY: _S.DEPLOYING, _E.MANAGE: _S.MANAGEABLE},
        _S.DEPLOYING: {
            _E.DONE: _S.ACTIVE,
            _E.WAIT: _S.DEPLOY_WAIT,
            _E.HOLD: _S.DEPLOY_HOLD,
            _E.FAIL: _S.DEPLOY_FAILED,
        },
        _S.DEPLOY_WAIT: {
            _E.RESUME: _S.DEPLOYING,
            _E.HOLD: _S.DEPLOY_HOLD,
            _E.FAIL: _S.DEPLOY_FAILED,
            _E.ABORT: _S.DEPLOY_FAILED,
            _E.DELETE: _S.DELETING,
        },
        _S.DEPLOY_HOLD: {_E.UNHOLD: _S.DEPLOY_WAIT, _E.ABORT: _S.DEPLOY_FAILED},
        _S.DEPLOY_FAILED: {
            _E.DEPLOY: _S.DEPLOYING,
            _E.REBUILD: _S.DEPLOYING,
            _E.DELETE: _S.DELETING,
        },
        _S.ACTIVE: {
            _E.REBUILD: _S.DEPLOYING,
            _E.DELETE: _S.DELETING,
            _E.RESCUE: _S.RESCUING,
            _E.SERVICE: _S.SERVICING,
        },
        _S.DELETING: {_E.CLEAN: _S.CLEANING, _E.FAIL: _S.ERROR},
        _S.ERROR: {_E.REBUILD: _S.DEPLOYING, _E.DELETE: _S.DELETING},
        _S.RESCUING: {_E.DONE: _S.RESCUE, _E.WAIT: _S.RESCUE_WAIT, _E.FAIL: _S.RESCUE_FAILED},
        _S.RESCUE_WAIT: {
            _E.RESUME: _S.RESCUING,
            _E.FAIL: _S.RESCUE_FAILED,
            _E.ABORT: _S.RESCUE_FAILED,
            _E.DELETE: _S.DELETING,
        },
        _S.RESCUE: {_E.RESCUE: _S.RESCUING, _E.UNRESCUE: _S.UNRESCUING, _E.DELETE: _S.DELETING},
        _S.RESCUE_FAILED: {_E.RESCUE: _S.RESCUING, _E.UNRESCUE: _S.UNRESCUING, _E.DELETE: _S.DELETING},
        _S.UNRESCUING: {_E.DONE: _S.ACTIVE, _E.FAIL: _S.UNRESCUE_FAILED},
        _S.UNRESCUE_FAILED: {_E.RESCUE: _S.RESCUING, _E.UNRESCUE: _S.UNRESCUING, _E.DELETE: _S.DELETING},
        _S.SERVICING: {
            _E.DONE: _S.ACTIVE,
            _E.WAIT: _S.SERVICE_WAIT,
            _E.HOLD: _S.SERVICE_HOLD,
            _E.FAIL: _S.SERVICE_FAILED,
        },
        _S.SERVICE_WAIT: {
            _E.RESUME: _S.SERVICING,
            _E.HOLD: _S.SERVICE_HOLD,
            _E.FAIL: _S.SERVICE_FAILED,
            _E.ABORT: _S.SERVICE_FAILED,
            _E.DELETE: _S.DELETING,
        },
        _S.SERVICE_HOLD: {
            _E.UNHOLD: _S.SERVICE_WAIT,
            _E.SERVICE: _S.SERVICING,
            _E.ABORT: _S.SERVICE_FAILED,
            _E.FAIL: _S.SERVICE_FAILED,
        },
        _S.SERVICE_FAILED: {
            _E.SERVICE: _S.SERVICING,
            _E.ABORT: _S.ACTIVE,
            _E.RESCUE: _S.RESCUING,
            _E.DELETE: _S.DELETING,
            _E.WAIT: _S.SERVICE_WAIT,
            _E.HOLD: _S.SERVICE_HOLD,
        },
    }
)

VERBS: frozenset[Event] = frozenset(Event) - {_E.DONE, _E.FAIL, _E.WAIT, _E.RESUME, _E.HOLD}

# Moves that have a verb's name and yet only a run makes.
INTERNAL_VERBS: frozenset[tuple[ProvisionState, Event]] = frozenset(
    {(_S.CLEANING, _E.MANAGE), (_S.DELETING, _E.CLEAN)}
)

WORKING: frozenset[ProvisionState] = frozenset(
    {
        _S.VERIFYING,
        _S.DEPLOYING,
        _S.CLEANING,
        _S.INSPECTING,
        _S.ADOPTING,
        _S.DELETING,
        _S.RESCUING,
        _S.UNRESCUING,
        _S.SERVICING,
    }
)
WAITING: frozenset[ProvisionState] = frozenset(
    {_S.DEPLOY_WAIT, _S.CLEAN_WAIT, _S.INSPECT_WAIT, _S.RESCUE_WAIT, _S.SERVICE_WAIT}
)
HELD: frozenset[ProvisionState] = frozenset({_S.DEPLOY_HOLD, _S.CLEAN_HOLD, _S.SERVICE_HOLD})
FAILED: frozenset[ProvisionState] = frozenset(
    {
        _S.DEPLOY_FAILED,
        _S.CLEAN_FAILED,
        _S.INSPECT_FAILED,
        _S.ADOPT_FAILED,
        _S.RESCUE_FAILED,
        _S.UNRESCUE_FAILED,
        _S.SERVICE_FAILED,
    }
)
STABLE: frozenset[ProvisionState] = frozenset(
    {_S.ENROLL, _S.MANAGEABLE, _S.AVAILABLE, _S.ACTIVE, _S.RESCUE, _S.ERROR}
)

# Where a verb leads in the end; `abort` and `unhold` keep the target of the run they act on.
TARGETS: Mapping[Event, ProvisionState] = MappingProxyType(
    {
        _E.MANAGE: _S.MANAGEABLE,
        _E.PROVIDE: _S.AVAILABLE,
        _E.CLEAN: _S.MANAGEABLE,
        _E.INSPECT: _S.MANAGEABLE,
        _E.ADOPT: _S.ACTIVE,
        _E.DEPLOY: _S.ACTIVE,
        _E.REBUILD: _S.ACTIVE,
        _E.DELETE: _S.AVAILABLE,
        _E.RESCUE: _S.RESCUE,
        _E.UNRESCUE: _S.ACTIVE,
        _E.SERVICE: _S.ACTIVE,
    }
)

# The command that asks for each verb.
COMMANDS: Mapping[Event, str] = MappingProxyType(
    {
        _E.MANAGE: "node manage",
        _E.PROVIDE: "node provide",
        _E.CLEAN: "clean",
        _E.INSPECT: "inspect",
        _E.ADOPT: "node adopt",
        _E.DEPLOY: "deploy",
        _E.REBUILD: "deploy --rebuild",
        _E.DELETE: "undeploy",
        _E.RESCUE: "rescue",
        _E.UNRESCUE: "unrescue",
        _E.SERVICE: "service",
        _E.ABORT: "abort",
        _E.UNHOLD: "unhold",
    }
)


def next_state(state: ProvisionState, event: Event) -> ProvisionState:
    """The state that `event` leads to; `InvalidError` names what is legal where it leads nowhere."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise _illegal(state, event) from None


def asked_state(state: ProvisionState, verb: Event) -> ProvisionState:
    """The state that an operator's verb leads to; `InvalidError` also for moves that only a run makes."""
    if verb not in verbs_from(state):
        raise _illegal(state, verb)
    return TRANSITIONS[state][verb]


def verbs_from(state: ProvisionState) -> frozenset[Event]:
    """The verbs an operator may ask for in this state."""
    return frozenset(
        event for event in TRANSITIONS[state] if event in VERBS and (state, event) not in INTERNAL_VERBS
    )


def failed_state(state: ProvisionState) -> ProvisionState:
    """Where a node belongs that is working or waiting while nobody works on it any more.

    `InvalidError` where the state cannot fail.
    """
    return next_state(state, Event.FAIL)


def _illegal(state: ProvisionState, event: Event) -> InvalidError:
    legal = ", ".join(sorted(f"bmctl {COMMANDS[verb]}" for verb in verbs_from(state)))
    hint = f"from {state} you can run: {legal}" if legal else "wait for the run that is at work"
    return InvalidError(f"cannot {event} a node that is {state}", hint=hint)
