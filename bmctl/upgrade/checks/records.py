"""Every node's record can be read, and means something to this bmctl."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.errors import BmctlError
from bmctl.store.record import NodeRecord
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    for node, path in look.damaged.items():
        yield Finding(
            level=Level.FAILURE,
            text="the record cannot be read: it is not what bmctl writes",
            remedy="move the file away and enroll the node again",
            node=node,
            place=path,
        )
    for node, value in look.records.items():
        try:
            NodeRecord.from_dict(value)
        except BmctlError as error:
            yield Finding(
                level=Level.FAILURE,
                text=error.message,
                remedy=error.hint or "",
                node=node,
                place=str(look.directory.record_path(f"nodes/{node}")),
            )


CHECK = Check(name="records", title="Node records", run=_run)
