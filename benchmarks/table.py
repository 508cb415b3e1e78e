"""Rows as a table, for a terminal and for the page `docs/performance.md`."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Row

BEGIN = "<!-- benchmarks begin -->"
END = "<!-- benchmarks end -->"
HEADINGS = ("what", "ours", "peer", "ratio", "aim", "")


def plain(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def markdown(rows: Sequence[Row]) -> str:
    """The table for the page, under a line that says what it was measured on."""
    cells = [HEADINGS, ("---",) * len(HEADINGS), *(_cells(row) for row in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in cells)
    return f"Measured on {machine()}.\n\n{table}"


def write(page: Path, rows: Sequence[Row]) -> None:
    """Put the table between the page's marks; `ValueError` if it has none."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{markdown(rows)}\n\n{END}{after}", encoding="utf-8")


def machine() -> str:
    """What the numbers depend on most; the load shows what else went on."""
    load = max(os.getloadavg())
    python = platform.python_version()
    return f"Linux {platform.machine()}, {os.cpu_count()} cores, load up to {load:.1f}, Python {python}"


def _cells(row: Row) -> tuple[str, ...]:
    if row.skipped:
        return (row.what, f"skipped: {row.skipped}", "", "", "", "")
    aim = "" if row.aim is None else f"{'<=' if row.low else '>='} {_number(row.aim)}"
    verdict = {None: "", True: "met", False: "missed"}[row.met]
    peer = f"{row.peer_name}: {_number(row.peer)} {row.unit}".strip()
    return (row.what, f"{_number(row.ours)} {row.unit}".strip(), peer, _number(row.ratio), aim, verdict)


def _number(value: float) -> str:
    """Three digits that matter."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
