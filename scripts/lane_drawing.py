"""Draws boxes in columns and the arrows between them, one lane below another, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

LINE = 17  # height of a line of text in a box
PAD = 9  # between text and box
TRACK = 20  # between two arrows that pass over or under boxes
LETTER = 6.9  # width of a letter of a label, about
STYLE = """\
text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1b1f24 }
.label { font-size: 12px; }
.asked { fill: #0a58ca; font-weight: 600 } .itself { fill: #57606a; font-style: italic }
.title { font-size: 15px; font-weight: 600 }
path.arrow { fill: none; stroke: #8c959f; stroke-width: 1.4; marker-end: url(#head) }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box with lines of text in a column; `colour` fills it."""

    column: int
    lines: tuple[str, ...]
    colour: str
    row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """An arrow from one box to another. Labels say who makes the move: an operator (`asked`), or a run."""

    start: Box
    end: Box
    labels: tuple[tuple[str, bool], ...]
    below: bool = False

    @property
    def adjacent(self) -> bool:
        """Whether it goes straight."""
        return self.span == 1

    @property
    def span(self) -> int:
        """How many columns it passes."""
        return abs(self.start.column - self.end.column)


@dataclass(slots=True, kw_only=True)
class Lane:
    """One title with its boxes and arrows; `columns` are the x of the boxes' left edges and their widths."""

    title: str
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    columns: Sequence[tuple[int, int]]
    tracks: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for below in (False, True):
            arcs = [arrow for arrow in self.arrows if not arrow.adjacent and arrow.below is below]
            taken: list[list[Arrow]] = []
            for arc in sorted(arcs, key=lambda arrow: arrow.span):
                level = next((n for n, row in enumerate(taken) if not any(_meet(arc, o) for o in row)), None)
                if level is None:
                    level = len(taken)
                    taken.append([])
                taken[level].append(arc)
                self.tracks[id(arc)] = level

    def above(self) -> int:
        """Tracks over the boxes."""
        return self._levels(below=False)

    def below(self) -> int:
        """Tracks under the boxes."""
        return self._levels(below=True)

    def _levels(self, *, below: bool) -> int:
        levels = [self.tracks[id(a)] + 1 for a in self.arrows if not a.adjacent and a.below is below]
        return max(levels, default=0)

    def body(self) -> int:
        """Height of the boxes."""
        stacks: dict[int, int] = {}
        for box in self.boxes:
            stacks[box.column] = stacks.get(box.column, 0) + _height(box) + 12
        return max(stacks.values()) - 12

    def height(self) -> int:
        """Height of all, title included."""
        return 34 + self.above() * TRACK + self.body() + self.below() * TRACK + 16

    def draw(self, top: int) -> Iterator[str]:
        """The lane's SVG, with its upper edge at `top`."""
        yield f'<text class="title" x="20" y="{top + 18}">{escape(self.title)}</text>'
        middle = top + 34 + self.above() * TRACK + self.body() / 2
        places = self._places(middle)
        for arrow in self.arrows:
            if arrow.adjacent:
                yield from _straight(arrow, places[id(arrow.start)], places[id(arrow.end)])
            else:
                yield from self._arc(arrow, places, middle)
        for box in self.boxes:
            yield from _box(box, places[id(box)])

    def _places(self, middle: float) -> dict[int, tuple[float, float, float, float]]:
        """Left, top, width and height of each box, columns centred on the middle line."""
        found = {}
        for column, (left, width) in enumerate(self.columns):
            stack = sorted((box for box in self.boxes if box.column == column), key=lambda box: box.row)
            y = middle - (sum(_height(box) for box in stack) + 12 * (len(stack) - 1)) / 2
            for box in stack:
                found[id(box)] = (left, y, width, _height(box))
                y += _height(box) + 12
        return found

    def _arc(
        self, arrow: Arrow, places: dict[int, tuple[float, float, float, float]], middle: float
    ) -> Iterator[str]:
        level = self.tracks[id(arrow)]
        sign = 1 if arrow.below else -1
        tallest = max(places[id(box)][3] for box in self.boxes if box.column > 0)
        y = middle + sign * (tallest / 2 + 22 + level * TRACK)
        x1 = self._anchor(arrow, arrow.start, places)
        x2 = self._anchor(arrow, arrow.end, places)
        edge1 = middle + sign * places[id(arrow.start)][3] / 2
        edge2 = middle + sign * (places[id(arrow.end)][3] / 2 + 2)
        way = 1 if x2 > x1 else -1
        yield (
            f'<path class="arrow" d="M{x1:.0f},{edge1:.0f} V{y - sign * 6:.0f}'
            f" Q{x1:.0f},{y:.0f} {x1 + way * 6:.0f},{y:.0f} H{x2 - way * 6:.0f}"
            f' Q{x2:.0f},{y:.0f} {x2:.0f},{y - sign * 6:.0f} V{edge2:.0f}"/>'
        )
        # Under the boxes arrows come up through the middle of a lane: labels stand left of that.
        share = 0.36 if arrow.below else 0.5
        yield _label(min(x1, x2) + abs(x1 - x2) * share, y - 3, arrow.labels)

    def _anchor(self, arrow: Arrow, box: Box, places: dict[int, tuple[float, float, float, float]]) -> float:
        """Where on a box an arc begins or ends, so that arcs of one box do not cross there."""
        mine = [
            other
            for other in self.arrows
            if not other.adjacent and other.below is arrow.below and box in {other.start, other.end}
        ]
        mine.sort(key=lambda other: _order(other, box))
        left, _, width, _ = places[id(box)]
        return left + width * (mine.index(arrow) + 1) / (len(mine) + 1)


def picture(lanes: Sequence[Lane], legend: Sequence[tuple[str, str]], width: int) -> str:
    """A whole SVG of lanes, with a legend of colours on top."""
    parts = []
    x = 20
    for text, colour in legend:
        parts.append(f'<rect x="{x}" y="16" width="16" height="16" rx="4" fill="{colour}" stroke="#57606a"/>')
        parts.append(f'<text x="{x + 22}" y="29">{escape(text)}</text>')
        x += 44 + round(len(text) * LETTER)
    y = 54
    for number, lane in enumerate(lanes):
        if number % 2 == 0:
            parts.append(f'<rect x="0" y="{y}" width="{width}" height="{lane.height()}" fill="#f6f8fa"/>')
        parts += lane.draw(y)
        y += lane.height()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}">\n'
        f"<style>\n{STYLE}</style>\n"
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#8c959f"/></marker></defs>\n'
        f'<rect width="{width}" height="{y}" fill="#fff"/>\n'
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def _order(arrow: Arrow, box: Box) -> tuple[int, int]:
    """Left-going arcs first; of those to one side the ones that must not cross others outermost."""
    other = arrow.end if arrow.start is box else arrow.start
    to_right = other.column > box.column
    return (1, -arrow.span) if to_right else (0, arrow.span)


def _meet(one: Arrow, other: Arrow) -> bool:
    """Whether two arcs would lie on each other in one track."""
    low1, high1 = sorted((one.start.column, one.end.column))
    low2, high2 = sorted((other.start.column, other.end.column))
    return low1 <= high2 and low2 <= high1


def _height(box: Box) -> int:
    return len(box.lines) * LINE + 2 * PAD


def _box(box: Box, place: tuple[float, float, float, float]) -> Iterator[str]:
    x, y, width, height = place
    yield (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="7"'
        f' fill="{box.colour}" stroke="#57606a"/>'
    )
    for number, line in enumerate(box.lines):
        baseline = y + PAD + number * LINE + 13
        yield f'<text x="{x + width / 2:.0f}" y="{baseline:.0f}" text-anchor="middle">{escape(line)}</text>'


def _straight(
    arrow: Arrow, start: tuple[float, float, float, float], end: tuple[float, float, float, float]
) -> Iterator[str]:
    forward = start[0] < end[0]
    x1 = start[0] + start[2] if forward else start[0]
    x2 = end[0] - 2 if forward else end[0] + end[2] + 2
    shift = -9 if forward else 9
    if arrow.start.column == 0:
        shift = 0
    y1 = start[1] + start[3] / 2 + shift
    y2 = min(max(y1, end[1] + 8), end[1] + end[3] - 8)
    yield f'<path class="arrow" d="M{x1:.0f},{y1:.0f} L{x2:.0f},{y2:.0f}"/>'
    if arrow.start.column == 0:
        yield _label(x1 + 8, y1 + (15 if y2 < y1 else -5), arrow.labels, anchor="start")
    else:
        yield _label((x1 + x2) / 2, (y1 + y2) / 2 + (-4 if forward else 13), arrow.labels)


def _label(x: float, y: float, labels: tuple[tuple[str, bool], ...], *, anchor: str = "middle") -> str:
    words = ", ".join(
        f'<tspan class="{"asked" if asked else "itself"}">{escape(text)}</tspan>' for text, asked in labels
    )
    return f'<text class="label" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'
