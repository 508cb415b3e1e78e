"""The table of moves, against the facts it was made from."""

from __future__ import annotations

import pytest

from bmctl.errors import InvalidError
from bmctl.model import states
from bmctl.model.states import Event, ProvisionState, asked_state, failed_state, next_state, verbs_from

# One line per state; a star marks what only a run does.
FACTS = """
enroll: manage -> verifying
verifying: *done -> manageable; *fail -> enroll
manageable: provide -> cleaning; clean -> cleaning; inspect -> inspecting; adopt -> adopting
inspecting: *done -> manageable; *wait -> inspect wait; *fail -> inspect failed
inspect wait: *done -> manageable; *resume -> inspecting; *fail -> inspect failed; abort -> inspect failed
inspect failed: inspect -> inspecting; manage -> manageable
adopting: *done -> active; *fail -> adopt failed
adopt failed: adopt -> adopting; manage -> manageable
cleaning: *done -> available; *manage -> manageable; *wait -> clean wait; *hold -> clean hold; *fail -> clean failed
clean wait: *resume -> cleaning; *hold -> clean hold; *fail -> clean failed; abort -> clean failed
clean hold: unhold -> clean wait; abort -> clean failed
clean failed: manage -> manageable
available: deploy -> deploying; manage -> manageable
deploying: *done -> active; *wait -> wait call-back; *hold -> deploy hold; *fail -> deploy failed
wait call-back: *resume -> deploying; *hold -> deploy hold; *fail -> deploy failed; abort -> deploy failed; delete -> deleting
deploy hold: unhold -> wait call-back; abort -> deploy failed
deploy failed: deploy -> deploying; rebuild -> deploying; delete -> deleting
active: rebuild -> deploying; delete -> deleting; rescue -> rescuing; service -> servicing
deleting: *clean -> cleaning; *fail -> error
error: rebuild -> deploying; delete -> deleting
rescuing: *done -> rescue; *wait -> rescue wait; *fail -> rescue failed
rescue wait: *resume -> rescuing; *fail -> rescue failed; abort -> rescue failed; delete -> deleting
rescue: rescue -> rescuing; unrescue -> unrescuing; delete -> deleting
rescue failed: rescue -> rescuing; unrescue -> unrescuing; delete -> deleting
unrescuing: *done -> active; *fail -> unrescue failed
unrescue failed: rescue -> rescuing; unrescue -> unrescuing; delete -> deleting
servicing: *done -> active; *wait -> service wait; *hold -> service hold; *fail -> service failed
service wait: *resume -> servicing; *hold -> service hold; *fail -> service failed; abort -> service failed; delete -> deleting
service hold: unhold -> service wait; service -> servicing; abort -> service failed; *fail -> service failed
service failed: service -> servicing; abort -> active; rescue -> rescuing; delete -> deleting; *wait -> service wait; *hold -> service hold
"""  # noqa: E501 - a table is read in whole rows


def facts() -> dict[tuple[str, str, bool], str]:
    found = {}
    for line in FACTS.strip().splitlines():
        state, _, moves = line.partition(": ")
        for move in moves.split("; "):
            event, _, target = move.partition(" -> ")
            found[state, event.removeprefix("*"), event.startswith("*")] = target
    return found


def test_every_move_is_as_the_facts_say_and_there_are_no_others():
    table = {
        (str(state), str(event), event not in verbs_from(state)): str(target)
        for state, moves in states.TRANSITIONS.items()
        for event, target in moves.items()
    }
    assert table == facts()
    assert len(table) == 93


def test_every_state_has_exactly_one_kind():
    kinds = [states.STABLE, states.WAITING, states.HELD, states.WORKING, states.FAILED]
    assert sorted(state for kind in kinds for state in kind) == sorted(ProvisionState)


def test_every_state_but_enroll_is_reached_by_some_move():
    reached = {target for moves in states.TRANSITIONS.values() for target in moves.values()}
    assert reached == set(ProvisionState)


def test_a_run_that_vanished_leads_to_the_failed_state_of_its_flow():
    found = {str(state): str(failed_state(state)) for state in states.WORKING | states.WAITING}
    assert found == {
        "verifying": "enroll",
        "deploying": "deploy failed",
        "wait call-back": "deploy failed",
        "cleaning": "clean failed",
        "clean wait": "clean failed",
        "inspecting": "inspect failed",
        "inspect wait": "inspect failed",
        "adopting": "adopt failed",
        "deleting": "error",
        "rescuing": "rescue failed",
        "rescue wait": "rescue failed",
        "unrescuing": "unrescue failed",
        "servicing": "service failed",
        "service wait": "service failed",
    }


def test_an_illegal_move_names_the_legal_ones():
    with pytest.raises(InvalidError) as caught:
        next_state(ProvisionState.AVAILABLE, Event.RESCUE)
    assert caught.value.message == "cannot rescue a node that is available"
    assert caught.value.hint == "from available you can run: bmctl deploy, bmctl node manage"


def test_nothing_can_be_asked_of_a_node_at_work():
    with pytest.raises(InvalidError) as caught:
        next_state(ProvisionState.DEPLOYING, Event.DELETE)
    assert caught.value.hint == "wait for the run that is at work"


def test_a_verb_may_be_asked_for_only_where_it_is_no_move_of_a_run():
    assert asked_state(ProvisionState.AVAILABLE, Event.MANAGE) is ProvisionState.MANAGEABLE
    with pytest.raises(InvalidError, match="cannot manage a node that is cleaning"):
        asked_state(ProvisionState.CLEANING, Event.MANAGE)


def test_every_verb_has_a_command():
    assert set(states.COMMANDS) == states.VERBS


def test_every_verb_that_starts_a_run_has_a_target():
    assert set(states.TARGETS) == states.VERBS - {Event.ABORT, Event.UNHOLD}
    assert set(states.TARGETS.values()) <= states.STABLE
