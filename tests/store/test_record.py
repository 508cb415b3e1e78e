"""A node's record: typed, and kind to what it does not know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.errors import BmctlError, InvalidError
from bmctl.model.firmware import PowerState
from bmctl.model.states import Event, ProvisionState
from bmctl.store.record import NodeRecord, get_node, list_nodes, node_key, update_node

texts = st.text(max_size=8)
documents = st.dictionaries(texts, st.integers() | texts, max_size=3)
records = st.builds(
    NodeRecord,
    name=texts,
    provision_state=st.sampled_from(ProvisionState),
    target=st.none() | st.sampled_from(ProvisionState),
    power=st.sampled_from(PowerState),
    run_id=st.none() | texts,
    history=st.lists(texts, max_size=3).map(tuple),
    last_error=st.none() | texts,
    description=documents,
    agent=documents,
    updated=st.floats(allow_nan=False),
)


@given(record=records, unknown=documents)
def test_a_record_reads_back_equal_and_keeps_unknown_keys(record, unknown):
    document = {**{f"new_{key}": value for key, value in unknown.items()}, **record.to_dict()}
    found = NodeRecord.from_dict(document)
    assert found.to_dict() == document
    assert found.provision_state is record.provision_state


@pytest.mark.parametrize(
    "wrong", [{"provision_state": "flying"}, {"target": 3}, {"power": "half"}, {"history": 1}]
)
def test_what_cannot_be_understood_is_one_clear_line(wrong):
    with pytest.raises(BmctlError, match="the state of n1 cannot be understood"):
        NodeRecord.from_dict({"name": "n1", **wrong})


def test_a_move_follows_the_table():
    record = NodeRecord(name="n1", provision_state=ProvisionState.AVAILABLE)
    moved = record.move(Event.DEPLOY, target=ProvisionState.ACTIVE)
    assert (moved.provision_state, moved.target) == (ProvisionState.DEPLOYING, ProvisionState.ACTIVE)
    with pytest.raises(InvalidError):
        moved.move(Event.DEPLOY)


def test_history_names_the_latest_runs():
    record = NodeRecord(name="n1")
    for number in range(30):
        record = record.begin_run(f"run{number}")
    assert record.run_id == "run29"
    assert record.history == tuple(f"run{number}" for number in range(9, 29))


def test_a_node_is_made_at_its_first_update(store):
    assert get_node(store, "n1") is None
    made = update_node(store, "n1", lambda record: record.move(Event.MANAGE))
    assert made == NodeRecord(name="n1", provision_state=ProvisionState.VERIFYING)
    found = get_node(store, "n1")
    assert (found.record, found.revision) == (made, 1)
    assert list_nodes(store) == (made,)
    assert store.keys("nodes/") == (node_key("n1"),)
