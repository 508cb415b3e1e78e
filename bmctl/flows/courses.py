"""How each verb moves a node through the provision states: from where it may start, and where it ends.

The moves themselves are those of `model.states`; here stands which of them a verb makes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bmctl.flows.request import Verb
from bmctl.model.states import TRANSITIONS, Event, ProvisionState, next_state

_S = ProvisionState
_E = Event
Way = tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One verb's moves. `ways` lead from the states in which it may begin to the one in which it works.

    `target` is the state it ends in. `back` are states that a node is brought back to after it, with the
    moves from the target there.
    """

    ways: Mapping[ProvisionState, Way]
    done: Event
    target: ProvisionState
    back: Mapping[ProvisionState, Way] = field(default_factory=dict)

    @property
    def working(self) -> frozenset[ProvisionState]:
        """The states in which a run of this verb is under way, waits or is held."""
        found: set[ProvisionState] = set()
        for start, way in self.ways.items():
            state = start
            for event in way:
                state = next_state(state, event)
            found.add(state)
        waiting = {next_state(state, event) for state in found for event in _pauses(state)}
        return frozenset(found | waiting)


def _pauses(state: ProvisionState) -> tuple[Event, ...]:
    return tuple(event for event in (_E.WAIT, _E.HOLD) if event in TRANSITIONS[state])


def _managed(verb: Event) -> dict[ProvisionState, Way]:
    """The ways of a verb that begins in `manageable`."""
    return {
        _S.ENROLL: (_E.MANAGE, _E.DONE, verb),
        _S.MANAGEABLE: (verb,),
        _S.AVAILABLE: (_E.MANAGE, verb),
        _S.CLEAN_FAILED: (_E.MANAGE, verb),
        _S.INSPECT_FAILED: (_E.MANAGE, verb),
        _S.ADOPT_FAILED: (_E.MANAGE, verb),
    }


def _from(event: Event, *states: ProvisionState, then: Way = ()) -> dict[ProvisionState, Way]:
    return dict.fromkeys(states, (event, *then))


_BACK_TO_AVAILABLE = {_S.AVAILABLE: (_E.PROVIDE, _E.DONE)}

COURSES: Mapping[Verb, Course] = MappingProxyType(
    {
        Verb.DEPLOY: Course(
            ways={
                # A node that was never cleaned becomes available as it is: cleaning it is asked for.
                _S.ENROLL: (_E.MANAGE, _E.DONE, _E.PROVIDE, _E.DONE, _E.DEPLOY),
                _S.MANAGEABLE: (_E.PROVIDE, _E.DONE, _E.DEPLOY),
                **_from(_E.DEPLOY, _S.AVAILABLE, _S.DEPLOY_FAILED),
                **_from(_E.REBUILD, _S.ACTIVE, _S.ERROR),
            },
            done=_E.DONE,
            target=_S.ACTIVE,
        ),
        Verb.UNDEPLOY: Course(
            ways=_from(
                _E.DELETE,
                _S.ACTIVE,
                _S.DEPLOY_FAILED,
                _S.ERROR,
                _S.RESCUE,
                _S.RESCUE_FAILED,
                _S.UNRESCUE_FAILED,
                _S.SERVICE_FAILED,
                then=(_E.CLEAN,),
            )
            # A cleaning that failed on the way is gone on with.
            | {_S.CLEAN_FAILED: (_E.MANAGE, _E.PROVIDE)},
            done=_E.DONE,
            target=_S.AVAILABLE,
        ),
        Verb.PROVIDE: Course(ways=_managed(_E.PROVIDE), done=_E.DONE, target=_S.AVAILABLE),
        Verb.CLEAN: Course(ways=_managed(_E.CLEAN), done=_E.MANAGE, target=_S.MANAGEABLE),
        Verb.SERVICE: Course(
            ways=_from(_E.SERVICE, _S.ACTIVE, _S.SERVICE_FAILED), done=_E.DONE, target=_S.ACTIVE
        ),
        Verb.INSPECT: Course(
            ways={**_managed(_E.INSPECT), _S.INSPECT_FAILED: (_E.INSPECT,)},
            done=_E.DONE,
            target=_S.MANAGEABLE,
            back=_BACK_TO_AVAILABLE,
        ),
        Verb.LEARN: Course(
            ways={**_managed(_E.INSPECT), _S.INSPECT_FAILED: (_E.INSPECT,)},
            done=_E.DONE,
            target=_S.MANAGEABLE,
            back=_BACK_TO_AVAILABLE,
        ),
        Verb.RESCUE: Course(
            ways=_from(
                _E.RESCUE, _S.ACTIVE, _S.RESCUE, _S.RESCUE_FAILED, _S.UNRESCUE_FAILED, _S.SERVICE_FAILED
            ),
            done=_E.DONE,
            target=_S.RESCUE,
        ),
        Verb.UNRESCUE: Course(
            ways=_from(_E.UNRESCUE, _S.RESCUE, _S.RESCUE_FAILED, _S.UNRESCUE_FAILED),
            done=_E.DONE,
            target=_S.ACTIVE,
        ),
    }
)
