"""No run was left half-way: another bmctl may plan it differently, and then it cannot be gone on with."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.model.states import WAITING, WORKING
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look

_UNDER_WAY = {state.value for state in (*WORKING, *WAITING)}


def _run(look: Look) -> Iterator[Finding]:
    for node, record in look.records.items():
        state, run = record.get("provision_state"), record.get("run_id")
        if state not in _UNDER_WAY:
            continue
        yield Finding(
            level=Level.WARNING,
            text=f"a run is unfinished, in state {state}",
            remedy=f"end it with the bmctl that began it: bmctl resume {node}",
            node=node,
            place=str(look.directory.runs / str(run)) if run else "",
        )


CHECK = Check(name="runs", title="Unfinished runs", run=_run)
