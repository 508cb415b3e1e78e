"""What operators say of a node besides its state: maintenance, protected, retired; and what follows.

Each flag is its reason in the node's record. The rules are those of the bare metal service, so that a
flag means the same to every tool. What a flag refuses to a run stands with the runs, in `conduct.standing`.
"""

from __future__ import annotations

from dataclasses import replace

from bmctl.errors import InvalidError
from bmctl.model.states import ProvisionState
from bmctl.store.record import NodeRecord

_S = ProvisionState
_PROTECTABLE = frozenset({_S.ACTIVE, _S.RESCUE})
_REMOVABLE = frozenset({_S.ENROLL, _S.MANAGEABLE, _S.ADOPT_FAILED, _S.AVAILABLE})


def set_maintenance(record: NodeRecord, reason: str | None) -> NodeRecord:
    """The record in maintenance for this reason; with None out of it, and without the fault."""
    if reason is None:
        return replace(record, maintenance=None, fault=None)
    return replace(record, maintenance=reason)


def set_protected(record: NodeRecord, reason: str | None) -> NodeRecord:
    """The record protected for this reason, with None no longer; `InvalidError` unless it is in use."""
    if reason is not None and record.provision_state not in _PROTECTABLE:
        raise InvalidError(
            f"this node is {record.provision_state}: only one that is in use can be protected",
            hint="protect it once it is active",
        )
    return replace(record, protected=reason)


def set_retired(record: NodeRecord, reason: str | None) -> NodeRecord:
    """The record retired for this reason, with None no longer; `InvalidError` while it is available."""
    if reason is not None and record.provision_state is _S.AVAILABLE:
        raise InvalidError(
            "this node is available: somebody may be about to take it",
            hint=f"first: bmctl node manage {record.name}",
        )
    return replace(record, retired=reason)


def refuse_removal(record: NodeRecord) -> None:
    """Return where what is known of a node may be forgotten; `InvalidError` says why it may not."""
    if record.protected is not None:
        raise InvalidError(
            f"this node is protected ({record.protected})",
            hint=f"if it shall be forgotten: bmctl node unprotect {record.name}",
        )
    if record.maintenance is None and record.provision_state not in _REMOVABLE:
        raise InvalidError(
            f"this node is {record.provision_state}: it is in use, or somebody is at work",
            hint=f"to forget it all the same: bmctl node maintenance {record.name} on",
        )


def flag_words(record: NodeRecord) -> tuple[str, ...]:
    """The flags that are set, in a word each, as lists show them."""
    flags = {
        "maintenance": record.maintenance,
        "protected": record.protected,
        "retired": record.retired,
    }
    return tuple(word for word, reason in flags.items() if reason is not None)
