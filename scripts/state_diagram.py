"""Writes the tables of docs/states.md and the picture docs/states.svg from the one table of moves.

    python scripts/state_diagram.py [--check]

With `--check` it writes nothing, and ends with 1 where they differ from the table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from lane_drawing import Arrow, Box, Lane, picture

from bmctl.model.states import (
    COMMANDS,
    FAILED,
    HELD,
    STABLE,
    TARGETS,
    TRANSITIONS,
    VERBS,
    WAITING,
    WORKING,
    Event,
    ProvisionState,
    verbs_from,
)

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "states.md"
PICTURE = DOCS / "states.svg"
S = ProvisionState

KINDS = (
    ("stable", STABLE, "#d3f0d8"),
    ("a run is at work", WORKING, "#cfe4fb"),
    ("waits for the agent", WAITING, "#fff3bf"),
    ("held for an operator", HELD, "#ffd8a8"),
    ("failed", FAILED, "#ffc9c9"),
)
# Where the boxes of a lane stand: from, working, waiting, held, failed, to.
COLUMNS = ((20, 130), (240, 110), (430, 120), (630, 110), (820, 120), (1030, 160))
WIDTH = 1210
START, WORK, WAIT, HOLD, FAIL, END = range(6)
LANES = (
    S.VERIFYING,
    S.INSPECTING,
    S.ADOPTING,
    S.CLEANING,
    S.DEPLOYING,
    S.DELETING,
    S.SERVICING,
    S.RESCUING,
    S.UNRESCUING,
)


Move = tuple[ProvisionState, Event, ProvisionState]


def asked(state: ProvisionState, event: Event) -> bool:
    """Whether an operator makes this move, and not a run."""
    return event in verbs_from(state)


def moves() -> Iterator[Move]:
    """All moves, one by one."""
    for state, events in TRANSITIONS.items():
        for event, target in events.items():
            yield state, event, target


def colour(state: ProvisionState) -> str:
    """The colour of a state's kind."""
    return next(paint for _, states, paint in KINDS if state in states)


def members(working: ProvisionState) -> dict[ProvisionState, int]:
    """The states of one flow with their columns: it, where it waits, is held, and failed."""
    columns = {Event.WAIT: WAIT, Event.HOLD: HOLD, Event.FAIL: FAIL}
    found = {working: WORK}
    for event, column in columns.items():
        target = TRANSITIONS[working].get(event)
        if target is not None and target not in STABLE:
            found[target] = column
    return found


def lane(working: ProvisionState) -> tuple[Lane, set[Move]]:
    """One flow: the moves into it, inside of it, and out of it to where it ends; and which they are."""
    columns = members(working)
    boxes = {state: _box(column, state) for state, column in columns.items()}
    into = [move for move in moves() if move[2] is working and move[0] not in columns and asked(*move[:2])]
    inside = [move for move in moves() if move[0] in columns and move[2] in columns]
    out = [
        move
        for move in moves()
        if move[0] in columns and move[2] not in columns and not (move[2] in WORKING and asked(*move[:2]))
    ]
    starts, arrows = _starts(into, boxes[working])
    for pair in dict.fromkeys((move[0], move[2]) for move in inside):
        arrows.append(_arrow(boxes[pair[0]], boxes[pair[1]], [m for m in inside if (m[0], m[2]) == pair]))
    end = _end(out)
    for state in dict.fromkeys(move[0] for move in out):
        arrows.append(_arrow(boxes[state], end, [move for move in out if move[0] is state]))
    drawn = Lane(title=working.value, boxes=[*starts, *boxes.values(), end], arrows=arrows, columns=COLUMNS)
    return drawn, {*into, *inside, *out}


def _starts(into: list[Move], working: Box) -> tuple[list[Box], list[Arrow]]:
    """A box for the states from which a verb leads into a flow, for each verb."""
    boxes, arrows = [], []
    for row, event in enumerate(dict.fromkeys(move[1] for move in into)):
        found = [move for move in into if move[1] is event]
        box = Box(column=START, lines=tuple(move[0] for move in found), colour="#ffffff", row=row)
        boxes.append(box)
        arrows.append(_arrow(box, working, found[:1]))
    return boxes, arrows


def _end(out: list[Move]) -> Box:
    """One box for all states that a flow ends in; where there are several, with the event of each."""
    targets = dict.fromkeys(move[2] for move in out)
    if len(targets) == 1:
        return _box(END, next(iter(targets)))
    lines = [f"{event}: {target}" for _, event, target in dict.fromkeys(out)]
    return Box(column=END, lines=tuple(dict.fromkeys(lines)), colour=colour(next(iter(targets))))


def _box(column: int, state: ProvisionState) -> Box:
    return Box(column=column, lines=(state.value,), colour=colour(state))


def _arrow(start: Box, end: Box, made: list[Move]) -> Arrow:
    labels = tuple(dict.fromkeys((event.value, asked(state, event)) for state, event, _ in made))
    below = end.column == FAIL or end.column < start.column
    return Arrow(start=start, end=end, labels=labels, below=below)


def draw() -> tuple[str, list[Move]]:
    """The picture, and the moves in it."""
    lanes, drawn = [], []
    for working in LANES:
        one, its = lane(working)
        lanes.append(one)
        drawn += sorted(its)
    rest = [move for move in moves() if move not in drawn]
    starts = [_box(START, move[0]) for move in rest]
    ends = [_box(WORK, move[2]) for move in rest]
    arrows = [_arrow(*pair, [move]) for *pair, move in zip(starts, ends, rest, strict=True)]
    lanes.append(Lane(title="without a run", boxes=[*starts, *ends], arrows=arrows, columns=COLUMNS))
    legend = [(text, paint) for text, _, paint in KINDS]
    return picture(lanes, legend, WIDTH), [*drawn, *rest]


def overview() -> str:
    """The stable states and the verbs between them, for Mermaid."""
    lines = ["stateDiagram-v2", "    [*] --> enroll"]
    for state in ProvisionState:
        for event, target in TRANSITIONS[state].items():
            if state in STABLE and asked(state, event):
                lines.append(f"    {state} --> {target if target in STABLE else TARGETS[event]}: {event}")
    return "```mermaid\n" + "\n".join(dict.fromkeys(lines)) + "\n```\n"


def verb_table() -> str:
    """Each verb with its command, where it may be asked for and where it leads."""
    lines = ["| verb | command | from | leads to |", "| --- | --- | --- | --- |"]
    for verb in Event:
        if verb in VERBS:
            states = ", ".join(state for state in ProvisionState if verb in verbs_from(state))
            target = TARGETS.get(verb, "where the run leads" if verb is Event.UNHOLD else "the failed state")
            lines.append(f"| {verb} | `bmctl {COMMANDS[verb]}` | {states} | {target} |")
    return "\n".join(lines) + "\n"


def move_table() -> str:
    """Every move; those of a run alone in italics."""
    lines = ["| from | event and where it leads |", "| --- | --- |"]
    for state, events in TRANSITIONS.items():
        cells = (
            f"{event if asked(state, event) else f'*{event}*'} → {target}" for event, target in events.items()
        )
        lines.append(f"| {state} | {'; '.join(cells)} |")
    return "\n".join(lines) + "\n"


def kind_table() -> str:
    """Which states are of which kind."""
    lines = ["| kind | states |", "| --- | --- |"]
    for text, states, _ in KINDS:
        lines.append(f"| {text} | {', '.join(state for state in ProvisionState if state in states)} |")
    return "\n".join(lines) + "\n"


PARTS = {"overview": overview, "kinds": kind_table, "verbs": verb_table, "moves": move_table}


def page(text: str) -> str:
    """The page with each part between its two comments made anew."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name} begin -->\n", f"<!-- {name} end -->\n"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{make()}\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Write page and picture, or compare them."""
    written = PAGE.read_text()
    made = {PAGE: page(written), PICTURE: draw()[0]}
    if arguments != ["--check"]:
        for path, text in made.items():
            path.write_text(text)
        return 0
    wrong = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    for path in wrong:
        print(f"{path} differs from the table of moves; write it anew with: make docs", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
