"""The live screen: a line per node with its stage, how far it is, how fast, and the time left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bmctl.model.amounts import amount, clock_time, duration, rate_of
from bmctl.model.event import EventKind, RunEvent

REFRESH_PER_SECOND = 4
# Rates are taken over this many seconds, so that they neither jump nor lag.
RATE_WINDOW = 3.0
BAR_WIDTH = 24


@dataclass(slots=True)
class NodeView:
    """What the screen knows of one node."""

    name: str
    began: float
    typical: dict[str, float] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    task: str = ""
    task_began: float = 0.0
    stage: str = "waiting"
    detail: str = ""
    fraction: float = 0.0
    ended: str = ""
    samples: list[tuple[float, float]] = field(default_factory=list)

    def left(self, now: float) -> float:
        """Seconds still to go, going by what steps usually take."""
        waiting = sum(
            seconds for key, seconds in self.typical.items() if key not in self.done and key != self.task
        )
        running = self.typical.get(self.task, 0.0)
        spent = now - self.task_began
        if self.fraction > 0.05:
            return waiting + spent * (1 - self.fraction) / self.fraction
        return waiting + max(running - spent, 1.0 if running else 0.0)

    def outlook(self, now: float) -> str:
        """The time left, or the time spent where the running step takes longer than it usually does."""
        spent = now - self.task_began
        if self.fraction <= 0.05 and spent > 1.5 * self.typical.get(self.task, 0.0) + 5.0:
            return f"{clock_time(spent)} so far"
        return f"{clock_time(self.left(now))} left"

    def share(self, now: float) -> float:
        """How much of the whole is done, 0 to 1."""
        spent = now - self.began
        left = self.left(now)
        return spent / (spent + left) if spent + left > 0 else 0.0

    def rate(self, now: float, done: float) -> float | None:
        """Per second, over the last few seconds."""
        self.samples.append((now, done))
        self.samples = [sample for sample in self.samples if now - sample[0] <= RATE_WINDOW]
        began, first = self.samples[0]
        return (done - first) / (now - began) if now - began > 0.5 and done >= first else None


class LiveScreen:
    """Shows runs on a terminal while the `with` block lasts; what was said stays on the screen."""

    def __init__(self, nodes: tuple[str, ...], *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._console = Console(stderr=True)
        self._views = {name: NodeView(name, clock()) for name in nodes}
        self._live = Live(
            get_renderable=self._render, console=self._console, refresh_per_second=REFRESH_PER_SECOND
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def __call__(self, event: RunEvent) -> None:
        view = self._views.setdefault(event.node, NodeView(event.node, self._clock()))
        match event.kind:
            case EventKind.PLANNED:
                view.typical = dict((event.fields or {}).get("typical", {}))
            case EventKind.STARTED:
                self._start(view, event)
            case EventKind.PROGRESS:
                self._progress(view, event)
            case EventKind.DONE:
                self._done(view, event)
            case EventKind.SKIPPED:
                view.done.add(event.task)
            case EventKind.WARNING | EventKind.NOTE:
                self._say(event, "yellow" if event.kind is EventKind.WARNING else "dim")
            case EventKind.FAILED:
                view.detail = ""
                view.stage = event.text
            case EventKind.FINISHED:
                self._finish(view, event)

    def _start(self, view: NodeView, event: RunEvent) -> None:
        view.task, view.task_began = event.task, self._clock()
        view.stage, view.detail, view.fraction = event.text, "", 0.0
        view.samples.clear()

    def _progress(self, view: NodeView, event: RunEvent) -> None:
        now = self._clock()
        if event.done is None:
            view.detail = event.text
            return
        rate = event.rate or view.rate(now, event.done)
        view.detail = f"{amount(event.done, event.total, event.unit)}{rate_of(rate)}"
        view.fraction = event.done / event.total if event.total else 0.0

    def _done(self, view: NodeView, event: RunEvent) -> None:
        view.done.add(event.task)
        line = Text.assemble(
            (f"{event.node}  ", "bold"), event.text, ("  " + duration(event.seconds or 0), "green")
        )
        self._console.print(line)

    def _finish(self, view: NodeView, event: RunEvent) -> None:
        view.ended = event.text
        view.detail = f"after {duration(event.seconds or 0)}"

    def _say(self, event: RunEvent, style: str) -> None:
        self._console.print(Text.assemble((f"{event.node}  ", "bold"), (event.text, style)))

    def _render(self) -> RenderableType:
        now = self._clock()
        table = Table.grid(padding=(0, 1))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
        for view in self._views.values():
            table.add_row(*_row(view, now))
        return Group(table)


def _row(view: NodeView, now: float) -> tuple[RenderableType, ...]:
    if view.ended:
        style = "green" if view.ended == "deployed" else "red"
        return (view.name, Text(view.ended, style=style), "", view.detail)
    bar = ProgressBar(total=1.0, completed=view.share(now), width=BAR_WIDTH)
    what = f"{view.stage}: {view.detail}" if view.detail else view.stage
    return (view.name, bar, view.outlook(now), what)
