"""Tables on stdout: aligned on a terminal, tab-free and complete everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click


def show_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns as wide as their longest cell; nothing is cut."""
    texts = [[str(cell) if cell is not None else "" for cell in row] for row in rows]
    widths = [max(len(head), *(len(row[at]) for row in texts), 0) for at, head in enumerate(heads)]
    click.echo(click.style(_line([head.upper() for head in heads], widths), bold=True))
    for row in texts:
        click.echo(_line(row, widths))


def show_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one a line; what is unknown is left out."""
    known = [(name, value) for name, value in pairs if value not in (None, "", [], ())]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        click.echo(f"{name + ':':{width + 1}} {text}")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
