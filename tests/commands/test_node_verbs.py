"""`bmctl node` verbs and flags, on machines in memory."""

from __future__ import annotations

import json

import pytest

from bmctl.store.filestore import open_store
from bmctl.store.owner import this_process
from bmctl.store.record import node_key


@pytest.fixture
def as_is(place):
    """Nodes that are not cleaned on their way to `available`."""
    place.write(
        "inventory.yaml",
        (place.path / "inventory.yaml").read_text() + "defaults: {cleaning: {automated: false}}\n",
    )
    return place


def test_a_machine_in_use_is_adopted_and_protected_and_forgotten_at_last(as_is):
    assert as_is.run("node", "manage", "n1").stdout == "n1: manageable\n"
    assert as_is.run("node", "adopt", "n1").stdout == "n1: active\n"
    assert as_is.run("node", "protect", "n1", "--reason", "builds").stdout == "n1: active, protected\n"
    kept = as_is.run("node", "remove", "n1")
    assert (kept.returncode, "protected (builds)" in kept.stderr) == (3, True)
    as_is.run("node", "unprotect", "n1")
    assert as_is.run("node", "remove", "n1").returncode == 3
    assert as_is.run("node", "maintenance", "n1", "on").stdout == "n1: active, maintenance\n"
    as_is.write("inventory.yaml", "nodes: []\n")
    assert as_is.run("node", "remove", "n1").stdout == "n1: forgotten\n"


def test_an_illegal_verb_names_the_legal_ones(as_is):
    done = as_is.run("node", "adopt", "n1")
    assert done.returncode == 3
    assert done.stderr == (
        "error: n1: cannot adopt a node that is enroll\nhint: from enroll you can run: bmctl node manage\n"
    )


def test_a_retired_node_is_not_provided(as_is):
    as_is.run("node", "manage", "n1")
    assert as_is.run("node", "retire", "n1", "--reason", "old").stdout == "n1: manageable, retired\n"
    assert "retired (old)" in as_is.run("node", "provide", "n1").stderr
    as_is.run("node", "unretire", "n1")
    assert as_is.run("node", "provide", "n1").stdout == "n1: available\n"


def test_flags_are_listed_and_shown(place):
    place.run("node", "maintenance", "n1", "n2", "on", "--reason", "fan 3")
    assert "maintenance" in place.run("node", "list", "n1").stdout.splitlines()[1]
    assert "maintenance:     fan 3" in place.run("node", "show", "n1").stdout
    told = json.loads(place.run("node", "maintenance", "-g", "left", "n1", "off", "--json").stdout)
    assert [(one["node"], one["maintenance"]) for one in told] == [("n1", None)]


def test_a_controller_that_does_not_answer_keeps_its_node_out(place):
    text = (place.path / "inventory.yaml").read_text()
    place.write("inventory.yaml", text.replace("power.set:unreachable:9", "session.open:unreachable:9"))
    done = place.run("node", "manage", "n1", "n2", "--json")
    assert done.returncode == 7
    assert [(one["node"], one["provision_state"]) for one in json.loads(done.stdout)] == [
        ("n1", "manageable"),
        ("n2", None),
    ]
    shown = json.loads(place.run("node", "show", "n2", "--json").stdout)
    assert shown["provision_state"] == "enroll"
    assert shown["last_error"]


def test_a_node_that_somebody_works_on_is_not_forgotten(place):
    place.run("enroll", "n1", "--no-dns")
    store = open_store(place.path / "state")
    with store.lock(node_key("n1"), this_process("bmctl deploy n1", since=0.0), lease=60):
        assert place.run("node", "remove", "n1").returncode == 4
