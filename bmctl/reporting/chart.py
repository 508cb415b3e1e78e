"""Draws the tasks of a run as bars on its time axis: inline SVG, no script, coloured by the page's style."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bmctl.model.amounts import duration, size
from bmctl.reporting.axis import Axis, make_axis
from bmctl.reporting.markup import Markup, element, joined
from bmctl.reporting.story import Ending, RunStory, Sitting, TaskStory, Try
from bmctl.store.fetch_log import FetchNote

WIDTH = 1120.0
LABELS = 262.0
RIGHT = 1040.0
_HEAD = 40.0
_FOOT = 30.0
# Many tasks in a taller drawing would be a long way to scroll.
_ROOMY, _TIGHT, _MANY = 26.0, 19.0, 80
_NARROWEST = 3.0
_SAID_WIDTH = 6.1
_LONGEST_TITLE = 34
_BAD = frozenset({Ending.FAILED, Ending.CUT_OFF, Ending.INTERRUPTED, Ending.ABORTED, Ending.HELD})
_HATCHED = frozenset({Ending.CUT_OFF, Ending.INTERRUPTED, Ending.ABORTED, Ending.TAKEN_BACK})


def draw_chart(story: RunStory) -> Markup:
    """The drawing: a row for each task under its core step, then one for each file that was fetched."""
    sittings = story.sittings or (Sitting(began=story.began, ended=story.began),)
    chart = _Chart(
        story=story,
        axis=make_axis(sittings, left=LABELS, right=RIGHT),
        row=_ROOMY if len(story.tasks) <= _MANY else _TIGHT,
    )
    return chart.draw()


@dataclass(slots=True, kw_only=True)
class _Chart:
    """A drawing in the making; `y` is where the next row goes."""

    story: RunStory
    axis: Axis
    row: float
    y: float = _HEAD
    rows: list[Markup] = field(default_factory=list)

    def draw(self) -> Markup:
        for part, tasks in _parts(self.story.tasks):
            self._draw_part(part, tasks)
        if self.story.fetches:
            self._draw_fetches()
        bottom = self.y + 6
        return element(
            "svg",
            element("title", f"Timeline of run {self.story.run}", id="chart-title"),
            element("desc", _description(self.story), id="chart-desc"),
            _hatching(),
            self._pauses(bottom),
            self._ticks(bottom),
            *self.rows,
            viewBox=f"0 0 {WIDTH:.0f} {bottom + _FOOT:.0f}",
            role="img",
            aria_labelledby="chart-title chart-desc",
        )

    # -- around the rows ---------------------------------------------------------------------------

    def _ticks(self, bottom: float) -> Markup:
        """Lines down the drawing, with the time since the run began above and below."""
        return joined(
            *(
                element(
                    "g",
                    element("line", x1=tick.x, x2=tick.x, y1=_HEAD - 8, y2=bottom),
                    element("text", tick.label, x=tick.x, y=_HEAD - 14, text_anchor="middle"),
                    element("text", tick.label, x=tick.x, y=bottom + 16, text_anchor="middle"),
                    class_="tick",
                )
                for tick in self.axis.ticks()
            )
        )

    def _pauses(self, bottom: float) -> Markup:
        """The time in which no process worked on the run, as bands over all rows."""
        return joined(
            *(
                element(
                    "g",
                    element("title", f"resumed after {duration(pause.ended - pause.began)}"),
                    element(
                        "rect",
                        class_="pause",
                        x=pause.left,
                        y=_HEAD - 8,
                        width=max(2.0, pause.right - pause.left),
                        height=bottom - _HEAD + 8,
                    ),
                    element(
                        "text",
                        f"resumed after {duration(pause.ended - pause.began)}",
                        class_="soft",
                        text_anchor="end",
                        transform=_upright((pause.left + pause.right) / 2 + 4, _HEAD),
                    ),
                )
                for pause in self.axis.pauses
            )
        )

    # -- tasks -------------------------------------------------------------------------------------

    def _draw_part(self, part: str, tasks: Sequence[TaskStory]) -> None:
        """The tasks of one core step; more than one stand under its name."""
        several = len(tasks) > 1
        if several:
            self._draw_heading(part, tasks)
        for task in tasks:
            self._draw_task(task, indent=16.0 if several else 0.0)

    def _draw_heading(self, part: str, tasks: Sequence[TaskStory]) -> None:
        tries = [one for task in tasks for one in task.tries]
        braces = (
            self._brace([one for one in tries if stretch.began <= one.began <= stretch.ended])
            for stretch in self.axis.stretches
            if not stretch.is_pause
        )
        self._add_row(element("g", self._label(part, class_="part"), *braces))

    def _brace(self, tries: Sequence[Try]) -> Markup | None:
        """Spans what one process did of a core step."""
        if not tries:
            return None
        left = min(self.axis.place(one.began) for one in tries)
        right = max(left + _NARROWEST, *(self.axis.place(self._end_of(one)) for one in tries))
        top = self.y + self.row / 2
        return element("path", class_="brace", d=f"M{left:.1f} {top + 4:.1f}v-4H{right:.1f}v4")

    def _draw_task(self, task: TaskStory, *, indent: float) -> None:
        group = element(
            "g",
            element("title", _told(task)),
            self._label(_short(task.title), indent=indent, class_=None if task.tries else "soft"),
            *(self._bar(task, one) for one in task.tries),
            self._remark(task),
            id=f"task-{task.key}",
        )
        self._add_row(group)

    def _bar(self, task: TaskStory, one: Try) -> Markup:
        left = self.axis.place(one.began)
        width = max(_NARROWEST, self.axis.place(self._end_of(one)) - left)
        mark = {Ending.FAILED: " failed", Ending.RUNNING: " running", Ending.TAKEN_BACK: " gone"}
        box = {"x": left, "y": self.y + 6, "width": width, "height": self.row - 12, "rx": 3}
        bar = element("rect", class_=f"{task.worker.value}{mark.get(one.ending, '')}", **box)
        over = element("rect", fill="url(#hatch)", **box) if one.ending in _HATCHED else None
        return joined(bar, over, self._cross(left + width) if one.ending in _BAD else None)

    def _cross(self, x: float) -> Markup:
        """Marks the end of a try that did not do its work."""
        middle = self.y + self.row / 2
        return element(
            "path", class_="cross", d=f"M{x - 4:.1f} {middle - 4:.1f}l8 8M{x + 4:.1f} {middle - 4:.1f}l-8 8"
        )

    def _remark(self, task: TaskStory) -> Markup | None:
        """Beside the last bar: how long the task took, or what went wrong."""
        if not task.tries:
            return None
        left = self.axis.place(task.tries[0].began)
        right = max(left + _NARROWEST, *(self.axis.place(self._end_of(one)) for one in task.tries))
        bad = task.ending in _BAD
        text = _said(task) if bad else _took(task)
        clear = right + (12 if bad else 7)
        before_first = left - 8
        room_after, room_before = WIDTH - clear, before_first - LABELS
        y = self.y + self.row / 2 + 4
        if len(text) * _SAID_WIDTH <= room_after or room_after >= room_before:
            anchor, x, room = "start", clear, room_after
        else:
            anchor, x, room = "end", before_first, room_before
        shown = _cut(text, int(room / _SAID_WIDTH))
        return element("text", shown, class_="said" if bad else "soft", x=x, y=y, text_anchor=anchor)

    # -- fetches -----------------------------------------------------------------------------------

    def _draw_fetches(self) -> None:
        self._add_row(element("g", self._label("fetched", class_="part")))
        for (kind, who, _), fetches in _by_file(self.story.fetches):
            self._draw_file(f"{kind} → {who}", fetches)

    def _draw_file(self, label: str, fetches: Sequence[FetchNote]) -> None:
        sent = sum(fetch.sent for fetch in fetches)
        bars = [self._fetch_bar(fetch) for fetch in fetches]
        right = max(self.axis.place(fetch.ended) for fetch in fetches) + 7
        left = min(self.axis.place(fetch.began) for fetch in fetches) - 8
        text = f"{size(sent)}{_rate(fetches)}"
        fits = len(text) * _SAID_WIDTH <= WIDTH - right
        remark = element(
            "text",
            text,
            class_="soft",
            x=right if fits else left,
            y=self.y + self.row / 2 + 4,
            text_anchor="start" if fits else "end",
        )
        self._add_row(element("g", self._label(label, indent=16.0), *bars, remark))

    def _fetch_bar(self, fetch: FetchNote) -> Markup:
        left = self.axis.place(fetch.began)
        worker = "controller" if fetch.who == "controller" else "agent"
        bad = fetch.outcome != "done" or fetch.status >= 400
        return element(
            "g",
            element("title", _fetch_told(fetch)),
            element(
                "rect",
                class_=f"{worker} failed" if bad and not fetch.sent else worker,
                x=left,
                y=self.y + self.row / 2 - 2.5,
                width=max(1.5, self.axis.place(fetch.ended) - left),
                height=5,
                rx=1.5,
            ),
        )

    # -- a row -------------------------------------------------------------------------------------

    def _label(self, text: str, *, indent: float = 0.0, class_: str | None = None) -> Markup:
        return element(
            "text",
            _cut(text, int((LABELS - indent - 14) / 6.7)),
            class_=class_,
            x=4 + indent,
            y=self.y + self.row / 2 + 4,
        )

    def _add_row(self, content: Markup) -> None:
        rule = element("line", class_="rule", x1=0, x2=WIDTH, y1=self.y + self.row, y2=self.y + self.row)
        self.rows.append(joined(rule, content))
        self.y += self.row

    def _end_of(self, one: Try) -> float:
        return one.ended if one.ended is not None else self.story.last_sign


def _parts(tasks: Sequence[TaskStory]) -> Iterator[tuple[str, list[TaskStory]]]:
    """Tasks in a row that belong to one core step."""
    for part, group in itertools.groupby(tasks, key=lambda task: task.part_of):
        yield part, list(group)


def _by_file(fetches: Sequence[FetchNote]) -> list[tuple[tuple[str, str, str], list[FetchNote]]]:
    """The fetches of each file by each reader, in the order of their first."""
    rows: dict[tuple[str, str, str], list[FetchNote]] = {}
    for fetch in fetches:
        rows.setdefault((fetch.kind, fetch.who, fetch.name), []).append(fetch)
    return list(rows.items())


def _rate(fetches: Sequence[FetchNote]) -> str:
    """The rate of the largest fetch, which tells what the network gave."""
    rate = max(fetches, key=lambda fetch: fetch.sent).rate
    return f", {size(rate)}/s" if rate else ""


def _said(task: TaskStory) -> str:
    """What went wrong, without the task's name, which stands before the row."""
    return (task.error or task.ending.value).removeprefix(f"{task.title}: ")


def _short(title: str) -> str:
    """A title that has room before a row; of a long one, what the task is done for."""
    return title if len(title) <= _LONGEST_TITLE else title.rpartition(": ")[2]


def _took(task: TaskStory) -> str:
    if task.ending is Ending.RUNNING:
        return "running"
    tries = f", {len(task.tries)} tries" if len(task.tries) > 1 else ""
    return f"{duration(task.seconds or 0.0)}{tries}"


def _told(task: TaskStory) -> str:
    """What the pointer shows over a task's row."""
    parts = [f"{task.key}: {task.ending.value}"]
    if task.seconds is not None:
        parts.append(_took(task))
    return ", ".join(parts) + (f". {task.error}" if task.error else "")


def _fetch_told(fetch: FetchNote) -> str:
    parts = ", ".join(f"{part} {size(count)}" for part, count in fetch.told_parts)
    return (
        f"{fetch.name} by {fetch.client}: {size(fetch.sent)} in {duration(fetch.seconds)}, "
        f"{fetch.outcome} ({fetch.status}){f': {parts}' if parts else ''}"
    )


def _description(story: RunStory) -> str:
    """The drawing in words; each bar is a row of the table below it."""
    resumed = f", resumed {story.resumes} times" if story.resumes else ""
    return (
        f"{story.verb} of {story.node}: {len(story.tasks)} tasks in {duration(story.seconds)}{resumed}, "
        f"{story.ending.value}. The table of tasks says the same in numbers."
    )


def _hatching() -> Markup:
    line = element("line", class_="hatch", x1=0, y1=0, x2=0, y2=7)
    pattern = element(
        "pattern",
        line,
        id="hatch",
        width=7,
        height=7,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return element("defs", pattern)


def _upright(x: float, y: float) -> str:
    return f"translate({x:.1f} {y:.1f}) rotate(-90)"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(1, length - 1)].rstrip() + "…"
