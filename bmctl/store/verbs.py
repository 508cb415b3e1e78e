"""What an operator asks of a node that changes no more than where it stands."""

from __future__ import annotations

from bmctl.errors import InvalidError
from bmctl.model.states import Event, ProvisionState, asked_state
from bmctl.store.record import NodeRecord

# Verified, and available as it is: cleaning is asked for by an operator.
_ENROLLING = (Event.MANAGE, Event.DONE, Event.PROVIDE, Event.DONE)


def enrolled(record: NodeRecord) -> NodeRecord:
    """The record of a node whose controller answered: a new one is available, another stays as it is."""
    if record.provision_state is not ProvisionState.ENROLL:
        return record
    for event in _ENROLLING:
        record = record.move(event)
    return record


def managed(record: NodeRecord) -> NodeRecord:
    """The record in state `manageable`; `InvalidError` where `manage` is not legal."""
    asked_state(record.provision_state, Event.MANAGE)
    moved = record.move(Event.MANAGE)
    return moved.move(Event.DONE) if moved.provision_state is ProvisionState.VERIFYING else moved


def provided(record: NodeRecord, *, cleaned_first: bool) -> NodeRecord:
    """The record in state `available`, of a node that is not cleaned on the way.

    `InvalidError` where `provide` is not legal, or the node would have to be cleaned first.
    """
    asked_state(record.provision_state, Event.PROVIDE)
    if record.retired is not None:
        raise InvalidError(
            f"this node is retired ({record.retired}): it is not made available again",
            hint=f"if it shall be: bmctl node unretire {record.name}",
        )
    if cleaned_first:
        raise InvalidError(
            "this node is cleaned before it is available",
            hint=f"run: bmctl clean {record.name}; or set cleaning: {{automated: false}} for it",
        )
    return record.move(Event.PROVIDE).move(Event.DONE)


def adopted(record: NodeRecord, *, failed: bool = False) -> NodeRecord:
    """The record of a machine that is in use and was taken over; or where taking it over failed."""
    asked_state(record.provision_state, Event.ADOPT)
    return record.move(Event.ADOPT).move(Event.FAIL if failed else Event.DONE)
