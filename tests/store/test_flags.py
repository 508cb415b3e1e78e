"""Flags of nodes and plain verbs, as rules over records."""

from __future__ import annotations

import itertools

import pytest

from bmctl.errors import InvalidError
from bmctl.model.states import Event, ProvisionState, verbs_from
from bmctl.store.flags import (
    flag_words,
    refuse_removal,
    set_maintenance,
    set_protected,
    set_retired,
)
from bmctl.store.record import NodeRecord
from bmctl.store.verbs import adopted, enrolled, managed, provided

S = ProvisionState
FLAGS = {"maintenance": "fan 3", "protected": "the build server", "retired": "old"}


def record(state=S.ACTIVE, **flags):
    return NodeRecord(name="n1", provision_state=state, **flags)


def refused(call, *arguments):
    try:
        call(*arguments)
    except InvalidError as error:
        return error.hint is not None
    return False


def test_where_each_flag_can_be_set():
    assert {state for state in S if not refused(set_protected, record(state), "why")} == {S.ACTIVE, S.RESCUE}
    assert {state for state in S if refused(set_retired, record(state), "why")} == {S.AVAILABLE}
    for state in S:
        for change in (set_maintenance, set_protected, set_retired):
            assert flag_words(change(record(state, **FLAGS), None)) != flag_words(record(state, **FLAGS))


def test_leaving_maintenance_clears_the_fault():
    left = set_maintenance(record(maintenance="a clean failed", fault="clean failure"), None)
    assert (left.maintenance, left.fault) == (None, None)


def test_what_may_be_forgotten():
    free = {S.ENROLL, S.MANAGEABLE, S.ADOPT_FAILED, S.AVAILABLE}
    assert {state for state in S if not refused(refuse_removal, record(state))} == free
    assert not any(refused(refuse_removal, record(state, maintenance="fan")) for state in S)
    both = {"maintenance": "fan", "protected": "why"}
    assert all(refused(refuse_removal, record(state, **both)) for state in S)


def test_plain_verbs_end_where_the_table_says():
    assert {state for state in S if not refused(managed, record(state))} == {
        state for state in S if Event.MANAGE in verbs_from(state)
    }
    assert all(
        managed(record(state)).provision_state is S.MANAGEABLE
        for state in S
        if Event.MANAGE in verbs_from(state)
    )
    assert adopted(record(S.MANAGEABLE)).provision_state is S.ACTIVE
    assert adopted(record(S.MANAGEABLE), failed=True).provision_state is S.ADOPT_FAILED
    assert provided(record(S.MANAGEABLE), cleaned_first=False).provision_state is S.AVAILABLE
    assert enrolled(record(S.ENROLL)).provision_state is S.AVAILABLE
    assert all(enrolled(record(state)) == record(state) for state in S if state is not S.ENROLL)


def test_a_node_that_is_cleaned_first_is_not_provided_as_it_is():
    with pytest.raises(InvalidError) as caught:
        provided(record(S.MANAGEABLE), cleaned_first=True)
    assert "bmctl clean n1" in caught.value.hint
    with pytest.raises(InvalidError, match="retired"):
        provided(record(S.MANAGEABLE, retired="old"), cleaned_first=False)


def test_flags_are_named_in_every_combination():
    for chosen in itertools.chain.from_iterable(itertools.combinations(FLAGS, count) for count in range(4)):
        assert flag_words(record(**{flag: FLAGS[flag] for flag in chosen})) == chosen
