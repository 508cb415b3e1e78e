"""What a change of state costs: in a small and in a large fleet, alone and with others.

The peer is TinyDB as it comes: all nodes in one file, here with the lock it needs against lost updates.
"""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tinydb import TinyDB, where

from benchmarks.measure import Row, Usage, run_here, side_by_side, under
from bmctl.store.durable import exclusive
from bmctl.store.filestore import FileStore, open_store

SMALL = 100
LARGE = 10_000
UPDATES = 200
PEER_UPDATES = 3
WRITERS = 8
UPDATES_EACH = 100
SHARED_RECORDS = 200
READY = b"ready\n"
# A node's record after its inspection: some 2 KB.
VALUE = {
    "name": "rack1-n1",
    "provision_state": "active",
    "count": 0,
    "description": {f"property-{number}": "x" * 40 for number in range(30)},
}


def run() -> list[Row]:
    """Make both fleets once, then measure in turn."""
    with tempfile.TemporaryDirectory(prefix="bmctl-bench-") as place:
        small, large = _fleet(Path(place, "small"), SMALL), _fleet(Path(place, "large"), LARGE)
        peer = _one_file(Path(place, "all.json"), LARGE)
        few, many = side_by_side(5, _updates(small, SMALL), _updates(large, LARGE))
        (one_file,) = side_by_side(1, functools.partial(run_here, lambda: _peer_updates(peer)))
        ours, theirs = side_by_side(1, *(_crowd(kind, Path(place, kind)) for kind in ("records", "file")))
    update, peer_update = (_milliseconds(many, UPDATES), _milliseconds(one_file, PEER_UPDATES))
    return [
        Row(
            what=f"update of one node of {LARGE}, CPU",
            ours=update,
            unit="ms",
            peer=_milliseconds(few, UPDATES),
            peer_name=f"of {SMALL}",
            aim=1.5,
        ),
        under(f"update of one node of {LARGE}, CPU", update, "ms", 5.0),
        Row(
            what=f"update of one node of {LARGE}, CPU",
            ours=update,
            unit="ms",
            peer=peer_update,
            peer_name="one TinyDB file",
        ),
        Row(
            what=f"{WRITERS} writers, {UPDATES_EACH} updates each",
            ours=ours.wall,
            unit="s",
            peer=theirs.wall,
            peer_name="one TinyDB file and a lock",
            aim=1 / 3,
        ),
    ]


def _milliseconds(usage: Usage, updates: int) -> float:
    return usage.cpu * 1000 / updates


def _fleet(root: Path, nodes: int) -> FileStore:
    """A store of many nodes, made without waiting for the disk for each."""
    store = open_store(root)
    store.put("nodes/n0", VALUE, if_revision=0)
    template = (root / "nodes" / "n0.json").read_text(encoding="utf-8")
    for number in range(1, nodes):
        text = template.replace("nodes/n0", f"nodes/n{number}")
        (root / "nodes" / f"n{number}.json").write_text(text, encoding="utf-8")
    return store


def _updates(store: FileStore, nodes: int) -> Callable[[], Usage]:
    """Updates of nodes spread over the whole fleet."""
    numbers = itertools.cycle(range(0, nodes, 7))

    def work() -> None:
        for number in itertools.islice(numbers, UPDATES):
            store.update(f"nodes/n{number}", _count)

    return functools.partial(run_here, work)


def _count(value: dict[str, int]) -> dict[str, int]:
    return {**value, "count": value["count"] + 1}


def _one_file(path: Path, nodes: int) -> Path:
    documents = {str(number): {**VALUE, "name": f"n{number}"} for number in range(1, nodes + 1)}
    path.write_text(json.dumps({"_default": documents}), encoding="utf-8")
    return path


def _peer_updates(path: Path) -> None:
    with TinyDB(path) as database:
        for number in range(PEER_UPDATES):
            database.update({"count": number}, where("name") == f"n{number + 1}")


def _crowd(kind: str, root: Path) -> Callable[[], Usage]:
    """Many processes that update different nodes at once."""
    root.mkdir()
    if kind == "file":
        _one_file(root / "all.json", SHARED_RECORDS)
    else:
        _fleet(root, SHARED_RECORDS)
    command = [sys.executable, "-m", "benchmarks.bench_state", kind, str(root)]

    def work() -> Usage:
        writers = [_writer([*command, str(number)]) for number in range(WRITERS)]
        return run_here(lambda: _release(writers))

    return work


def _writer(command: list[str]) -> subprocess.Popen[bytes]:
    """A process that has started, and waits for the end of its input."""
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if writer.stdout is None or writer.stdout.readline() != READY:
        raise RuntimeError("a writer did not start")
    return writer


def _release(writers: list[subprocess.Popen[bytes]]) -> None:
    """Let all begin at once, and wait for the last."""
    for writer in writers:
        if writer.stdin:
            writer.stdin.close()
    statuses = [writer.wait() for writer in writers]
    for writer in writers:
        if writer.stdout:
            writer.stdout.close()
    if any(statuses):
        raise RuntimeError("a writer failed")


def _write(kind: str, root: Path, writer: int) -> None:
    """What one process of the crowd does."""
    numbers = [writer * 20 + count % 20 for count in range(UPDATES_EACH)]
    if kind == "records":
        store = open_store(root)
        for number in numbers:
            store.update(f"nodes/n{number}", _count)
        return
    for number in numbers:
        with exclusive(root / "guard"), TinyDB(root / "all.json") as database:
            database.update({"count": number}, where("name") == f"n{number + 1}")


if __name__ == "__main__":
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    sys.stdin.read()
    _write(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
