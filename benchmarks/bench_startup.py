"""How long a person waits before bmctl does anything: CPU of `bmctl --help` beside Python's own start."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from benchmarks.measure import Row, run_child, side_by_side

ROUNDS = 15
# Click alone takes half of this: it is the room bmctl's own imports have.
MOST = 8.0


def run() -> list[Row]:
    """Compare the two commands that do nothing but start."""
    bmctl = Path(sys.executable).with_name("bmctl")
    if not bmctl.exists():
        return [Row(what="bmctl --help", skipped="bmctl is not installed beside this Python")]
    bare = functools.partial(run_child, [sys.executable, "-c", "pass"])
    help_text = functools.partial(run_child, [bmctl, "--help"])
    version = functools.partial(run_child, [bmctl, "--version"])
    nothing, shown, told = side_by_side(ROUNDS, bare, help_text, version)
    return [
        Row(
            what=f"bmctl {option}, CPU",
            ours=usage.cpu * 1000,
            unit="ms",
            peer=nothing.cpu * 1000,
            peer_name="python -c pass",
            aim=MOST,
        )
        for option, usage in (("--help", shown), ("--version", told))
    ]
