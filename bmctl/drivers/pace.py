"""How long a controller is given, in one value: machines need patience, tests need none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Pauses and patience in seconds; the defaults are for real controllers."""

    read_again: tuple[float, ...] = (1.0, 3.0)
    """Between the tries of a read, where the controller names no time of its own."""
    ask_again: tuple[float, ...] = (1.0, 3.0, 10.0)
    """Between the tries of a change; the last one goes on."""
    goodbye: float = 3.0
    """How long a call on its way may hold up the goodbye."""
    power_look: float = 0.3
    """Before the first look at a machine that was switched; later looks come more and more seldom."""
    media_rest: float = 3.0
    """Between two rounds of ejecting and inserting."""
    media_look: float = 0.3
    """Before the second look at a drive; later looks come more and more seldom."""
    see_empty: float = 15.0
    """How long a drive may show an image that was ejected."""
    see_inserted: float = 60.0
    """How long a drive may not show an image that it took."""
