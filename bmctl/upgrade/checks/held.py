"""No node waits for an operator."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.model.states import HELD
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look

_HELD = {state.value for state in HELD}


def _run(look: Look) -> Iterator[Finding]:
    for node, record in look.records.items():
        if record.get("provision_state") in _HELD:
            yield Finding(
                level=Level.WARNING,
                text=f"held for an operator: {record.get('last_error') or record['provision_state']}",
                remedy=f"decide: bmctl node show {node}, then bmctl resume {node} or bmctl abort {node}",
                node=node,
            )


CHECK = Check(name="held", title="Held nodes", run=_run)
