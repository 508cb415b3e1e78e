"""The table of states by which an image gets into a drive."""

from __future__ import annotations

from bmctl.drivers.media_states import ENDS, TRANSITIONS, State


def reachable(start: State) -> set[State]:
    found, waiting = set(), [start]
    while waiting:
        state = waiting.pop()
        if state not in found:
            found.add(state)
            waiting += [to for (source, _), to in TRANSITIONS.items() if source is state]
    return found


def test_every_state_is_reached_from_the_start():
    assert reachable(State.EJECT) == set(State)


def test_every_state_but_the_ends_leads_to_both_ends():
    for state in set(State) - ENDS:
        assert reachable(state) >= ENDS


def test_the_ends_lead_nowhere():
    assert not ENDS & {source for source, _ in TRANSITIONS}


def test_an_image_is_done_only_after_it_was_seen():
    assert {source for (source, _), to in TRANSITIONS.items() if to is State.DONE} == {State.SEE_INSERTED}
    assert {source for (source, _), to in TRANSITIONS.items() if to is State.INSERT} == {
        State.SEE_EMPTY,
        State.NEXT_DRIVE,
    }
