"""Refusals of steps that the controller lacks the ability for."""

from __future__ import annotations

from typing import TypeVar

from bmctl.errors import InvalidError

Found = TypeVar("Found")


def required(ability: Found | None, what: str) -> Found:
    """The ability, or `InvalidError` that says what this controller cannot do."""
    if ability is None:
        raise InvalidError(
            f"this controller cannot {what}", hint="bmctl steps NODE lists what it can; see its licence"
        )
    return ability
