"""Shows the progress of things that are built: ramdisks, images."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from bmctl.commands.settings import Settings
from bmctl.model.amounts import duration

Progress = Callable[[str, float | None], None]


@contextmanager
def show_building(what: str, settings: Settings) -> Iterator[Progress]:
    """A callback for stages: a text, and how much of the stage is done (0 to 1) where that is known."""
    if settings.json or not sys.stderr.isatty():
        with _lines(what) as progress:
            yield progress
    else:
        with _bar(what) as progress:
            yield progress


@contextmanager
def _lines(what: str) -> Iterator[Progress]:
    last = ""

    def progress(stage: str, _fraction: float | None) -> None:
        nonlocal last
        if stage != last:
            last = stage
            click.echo(f"{what}: {stage} ...", err=True)

    yield progress


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    began = time.monotonic()
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with RichProgress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def progress(stage: str, fraction: float | None) -> None:
            bar.update(
                task,
                description=f"{what}: {stage}",
                total=None if fraction is None else 1.0,
                completed=fraction or 0.0,
            )

        yield progress
    took = time.monotonic() - began
    if took > 1:
        click.echo(f"{what}: ready after {duration(took)}", err=True)
