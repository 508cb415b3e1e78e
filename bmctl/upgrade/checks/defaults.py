"""Nobody relies on a default that means something else after the upgrade.

A default that changes raises the state's schema: so it is known which defaults the state was used with, and
the finding goes once the operator has upgraded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bmctl.model.node import DuplicateFilesystems, Node
from bmctl.upgrade.check import Check, Finding, Level, UnseenError
from bmctl.upgrade.look import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDefault:
    """What an unsaid key of a node means since state schema `schema`, and how the old meaning is kept."""

    keys: tuple[str, ...]
    schema: int
    means: str
    keep: str
    counts: Callable[[Node], bool]


CHANGED_DEFAULTS = (
    ChangedDefault(
        keys=("cleaning", "automated"),
        schema=2,
        means="cleaning.automated is true: bmctl undeploy erases disks before the node is available again",
        keep="write cleaning: {automated: false} into defaults, or accept it with bmctl upgrade --fix",
        counts=lambda node: node.cleaning.automated,
    ),
    ChangedDefault(
        keys=("duplicate_filesystems",),
        schema=2,
        means="duplicate_filesystems is refuse: no deploy beside a disk with a UUID or label of the image",
        keep="write duplicate_filesystems: ignore into defaults, or accept it with bmctl upgrade --fix",
        counts=lambda node: node.duplicate_filesystems is DuplicateFilesystems.REFUSE,
    ),
)


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
