"""What bmctl itself adds to a deploy: a real one, of a lab machine, read from the run's journal.

The machine, its controller and the agent take the rest; that time is the peer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Row, missing, run_child, under

WHAT = "deploy of one lab machine"
# Tasks that do not wait for the machine, its controller or its agent.
OWN_TASKS = frozenset({"image.check", "media.build"})
PROGRAMS = ("qemu-system-x86_64", "libvirtd", "mmdebstrap")
LAB = "bench"


def run() -> list[Row]:
    """Deploy one machine; the ramdisk and the lab's image come from bmctl's cache or are built first."""
    if absent := missing(*PROGRAMS):
        return [Row(what=WHAT, skipped=absent)]
    with tempfile.TemporaryDirectory(prefix="bmctl-bench-") as place, _lab(Path(place)) as inventory:
        usage = run_child(_bmctl("deploy", "-i", str(inventory), "n1", "--json"))
        journal = next(Path(place, "state", "runs").glob("*/journal.jsonl"))
        waited = _waited(journal.read_text().splitlines())
        requests = _requests(inventory.with_name("requests.jsonl"))
    return [
        under(f"{WHAT}: bmctl's own time", usage.wall - waited, "s", 2.0),
        Row(what=f"{WHAT}: CPU", ours=usage.cpu, unit="s", peer=waited, peer_name="time waited"),
        under(f"{WHAT}: requests to the controller", requests, "", 25.0),
    ]


@contextmanager
def _lab(place: Path) -> Iterator[Path]:
    """A lab of one machine, with its state in a place of its own; gives its inventory."""
    os.environ["BMCTL_STATE"] = str(place / "state")
    run_child(_bmctl("ramdisk", "build"))
    inventory = place / "inventory.yaml"
    try:
        run_child(_bmctl("lab", "up", "1", "--name", LAB, "-i", str(inventory)))
        yield inventory.resolve()
    finally:
        run_child(_bmctl("lab", "down", "--name", LAB))
        del os.environ["BMCTL_STATE"]


def _bmctl(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bmctl", *arguments]


def _waited(journal: list[str]) -> float:
    """Seconds in tasks that wait for others."""
    marks = [json.loads(line) for line in journal]
    return sum(
        mark["seconds"] for mark in marks if mark.get("mark") == "done" and mark["task"] not in OWN_TASKS
    )


def _requests(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0
