"""Numbers as people read them: bytes, rates, durations."""

from __future__ import annotations

_STEP = 1000.0
_UNITS = ("B", "kB", "MB", "GB", "TB")


def size(count: float) -> str:
    """Bytes in the unit that suits them: `12.5 MB` (powers of 1000)."""
    unit = 0
    while count >= _STEP and unit < len(_UNITS) - 1:
        count /= _STEP
        unit += 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 or count >= 100 else f"{count:.1f} {_UNITS[unit]}"


def amount(done: float | None, total: float | None, unit: str) -> str:
    """How far something is: `12.5 of 79 MB (16 %)`."""
    if done is None:
        return ""
    shown = size(done) if unit == "B" else f"{done:.0f} {unit}".rstrip()
    if not total:
        return shown
    whole = size(total) if unit == "B" else f"{total:.0f} {unit}".rstrip()
    return f"{shown} of {whole} ({100 * done / total:.0f} %)"


def rate_of(rate: float | None) -> str:
    """A rate in bytes per second, with the comma that sets it off; empty where there is none."""
    return f", {size(rate)}/s" if rate else ""


def duration(seconds: float) -> str:
    """A length of time: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def clock_time(seconds: float) -> str:
    """Time left on a live screen: `0:42`, `12:05`, `1:02:03`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
