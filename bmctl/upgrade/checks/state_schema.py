"""The state directory must have the schema that this bmctl works with."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.errors import BmctlError
from bmctl.store.schema import SCHEMA
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    root = look.sources.state
    try:
        schema = look.schema
    except BmctlError as error:
        yield Finding(level=Level.FAILURE, text=error.message, remedy=error.hint or "", place=str(root))
        return
    if schema is None:
        return
    if schema.version > SCHEMA:
        yield Finding(
            level=Level.FAILURE,
            text=f"the state has schema {schema.version}, this bmctl knows {SCHEMA}",
            remedy="use the bmctl that wrote it, or name another directory with --state",
            place=str(root),
        )
    elif schema.pending is not None:
        yield Finding(
            level=Level.WARNING,
            text=f"{schema.pending} was cut off",
            remedy="the next command finishes it",
            place=str(root),
        )
    elif schema.version < SCHEMA:
        yield Finding(
            level=Level.FAILURE,
            text=f"the state has schema {schema.version}, this bmctl works with {SCHEMA}",
            remedy="bmctl upgrade --fix",
            place=str(root),
        )


CHECK = Check(name="state-schema", title="State schema", run=_run)
