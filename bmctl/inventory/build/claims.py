"""What only one machine may have: names, MACs, addresses, controllers."""

from __future__ import annotations

from dataclasses import dataclass, field

from bmctl.inventory.report import Notes
from bmctl.inventory.tree import Location


@dataclass(frozen=True, slots=True)
class _Holder:
    location: Location
    name: str
    place: str


@dataclass(slots=True)
class Claims:
    """Which machine has claimed what so far."""

    _holders: dict[tuple[str, str], _Holder] = field(default_factory=dict)

    def claim(self, kind: str, value: str, *, holder: str, notes: Notes, steps: Location) -> None:
        """Claim a value for the machine called `holder`; note a mistake where another one has it."""
        mark = notes.mark(*steps)
        mine = _Holder(notes.location, holder, notes.report.place(mark))
        other = self._holders.setdefault((kind, value.lower()), mine)
        if other.location == notes.location:
            return
        whose = "taken" if kind == "name" else f"that of {other.name}"
        notes.wrong(*steps, message=f"{kind} {value} is already {whose} ({other.place})")
