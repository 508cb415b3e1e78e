"""Nobody relies on a default that means something else after the upgrade."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.upgrade.changed_defaults import CHANGED_DEFAULTS
from bmctl.upgrade.check import Check, Finding, Level, UnseenError
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    if look.schema is None:
        raise UnseenError("there is no state of an older bmctl")
    for default in CHANGED_DEFAULTS:
        if look.schema.version >= default.schema:
            continue
        for node in look.nodes:
            if default.counts(node) and not look.says(node.name, *default.keys):
                yield Finding(
                    level=Level.WARNING,
                    text=f"unsaid, {default.means}",
                    remedy=default.keep,
                    node=node.name,
                    place=look.place(node.name),
                )


CHECK = Check(name="defaults", title="Defaults that changed", run=_run)
