"""The way an image gets into a virtual drive, as a table of states; no controller is spoken to here.

Controllers refuse a second image, forget an eject, answer before the work is done, and have drives
that never work. So every change is looked at afterwards, and each outcome leads somewhere.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What is done next."""

    EJECT = "eject"
    """Empty every drive."""
    SEE_EMPTY = "see empty"
    """Look until every drive is empty."""
    INSERT = "insert"
    """Put the image into the chosen drive."""
    SEE_INSERTED = "see inserted"
    """Look until the image is in the chosen drive."""
    NEXT_DRIVE = "next drive"
    """Choose the next drive."""
    REST = "rest"
    """Leave the controller alone for a moment, then begin again."""
    DONE = "done"
    FAILED = "failed"


class Outcome(StrEnum):
    """How that went."""

    GOOD = "good"
    """Done, or seen to be so."""
    BUSY = "busy"
    """Not now, or the controller failed within: later perhaps."""
    LOST = "lost"
    """No answer: it may have been done, or may still be."""
    REFUSED = "refused"
    """This drive will not do it."""
    NOT_SEEN = "not seen"
    """It was accepted, yet did not come true in time; or nothing more is left to try."""


TRANSITIONS: dict[tuple[State, Outcome], State] = {
    (State.EJECT, Outcome.GOOD): State.SEE_EMPTY,
    (State.SEE_EMPTY, Outcome.GOOD): State.INSERT,
    (State.SEE_EMPTY, Outcome.NOT_SEEN): State.REST,
    (State.INSERT, Outcome.GOOD): State.SEE_INSERTED,
    (State.INSERT, Outcome.LOST): State.SEE_INSERTED,
    (State.INSERT, Outcome.BUSY): State.REST,
    (State.INSERT, Outcome.REFUSED): State.NEXT_DRIVE,
    (State.SEE_INSERTED, Outcome.GOOD): State.DONE,
    (State.SEE_INSERTED, Outcome.NOT_SEEN): State.REST,
    (State.NEXT_DRIVE, Outcome.GOOD): State.INSERT,
    (State.NEXT_DRIVE, Outcome.NOT_SEEN): State.REST,
    (State.REST, Outcome.GOOD): State.EJECT,
    (State.REST, Outcome.NOT_SEEN): State.FAILED,
}

ENDS = frozenset({State.DONE, State.FAILED})
