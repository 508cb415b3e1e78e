"""Where a moment stands on the time axis of a run; the time between its processes takes little room."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from bmctl.model.amounts import clock_time
from bmctl.reporting.story import Sitting

# Width of a pause that would take more of the axis than it is worth, in units of the drawing.
PAUSE_WIDTH = 46.0
_DRAWN_TO_SCALE = 0.04
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_MOST_TICKS = 9
_LABEL_WIDTH = 44.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of time with an even scale: seconds since the epoch, and where it is drawn."""

    began: float
    ended: float
    left: float
    right: float
    is_pause: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on the axis with its label: time since the run began."""

    x: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The time axis of a run, between two places of the drawing."""

    stretches: tuple[Stretch, ...]

    @property
    def left(self) -> float:
        return self.stretches[0].left

    @property
    def right(self) -> float:
        return self.stretches[-1].right

    @property
    def pauses(self) -> tuple[Stretch, ...]:
        """The times in which no process worked on the run."""
        return tuple(stretch for stretch in self.stretches if stretch.is_pause)

    def place(self, at: float) -> float:
        """Where a moment is drawn; one outside of the run at its nearest end."""
        for stretch in self.stretches:
            if at <= stretch.ended:
                break
        span = stretch.ended - stretch.began
        share = (at - stretch.began) / span if span > 0 else 0.0
        return stretch.left + min(1.0, max(0.0, share)) * (stretch.right - stretch.left)

    def ticks(self) -> tuple[Tick, ...]:
        """Evenly spaced marks, as many as have room."""
        origin = self.stretches[0].began
        worked = sum(one.ended - one.began for one in self.stretches if not one.is_pause)
        step = next((step for step in _STEPS if worked / step <= _MOST_TICKS), None)
        every = float(step) if step is not None else _STEPS[-1] * math.ceil(worked / _STEPS[-1] / _MOST_TICKS)
        return tuple(_apart(self._ticks(origin, every)))

    def _ticks(self, origin: float, every: float) -> Iterator[Tick]:
        for stretch in self.stretches:
            if stretch.is_pause:
                continue
            number = math.ceil((stretch.began - origin) / every - 1e-9)
            while (at := origin + number * every) <= stretch.ended:
                yield Tick(x=self.place(at), label=clock_time(number * every))
                number += 1


def make_axis(sittings: tuple[Sitting, ...], *, left: float, right: float) -> Axis:
    """The axis of a run whose processes worked at these times."""
    worked = sum(sitting.seconds for sitting in sittings)
    spans = [_Span(began=sittings[0].began, ended=sittings[0].ended)]
    for before, after in itertools.pairwise(sittings):
        spans.append(_Span(began=before.ended, ended=after.began, is_pause=True))
        spans.append(_Span(began=after.began, ended=after.ended))
    squeezed = [span.is_pause and span.seconds > _DRAWN_TO_SCALE * worked for span in spans]
    # Many resumes leave little room for what was done, but some.
    narrow = min(PAUSE_WIDTH, (right - left) * 2 / 3 / max(1, sum(squeezed)))
    even = sum(span.seconds for span, small in zip(spans, squeezed, strict=True) if not small)
    scale = (right - left - narrow * sum(squeezed)) / (even or 1.0)
    widths = [narrow if small else span.seconds * scale for span, small in zip(spans, squeezed, strict=True)]
    ends = [left + width for width in itertools.accumulate(widths)]
    return Axis(
        stretches=tuple(
            Stretch(began=span.began, ended=span.ended, left=start, right=end, is_pause=span.is_pause)
            for span, start, end in zip(spans, [left, *ends], ends, strict=False)
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """A piece of time that has no place yet."""

    began: float
    ended: float
    is_pause: bool = False

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def _apart(ticks: Iterator[Tick]) -> Iterator[Tick]:
    """Those ticks whose labels do not run into each other."""
    last = -math.inf
    for tick in ticks:
        if tick.x - last >= _LABEL_WIDTH:
            last = tick.x
            yield tick
