"""What keys that nobody wrote down mean now, where they meant something else before: one table.

A default that changes raises the state's schema: so it is known which defaults a state was used with, and
an operator who has upgraded is not told again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bmctl.model.node import DuplicateFilesystems, Node


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
