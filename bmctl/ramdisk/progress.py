"""How a build tells what it is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One stage of a build: `done` of `total` units (bytes or files); a total of 0 means unknown."""

    stage: str
    done: int = 0
    total: int = 0


Tell = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Tell nobody."""
