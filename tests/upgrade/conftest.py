"""The state of the first release, as often as it is wanted, and upgrades that are killed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the states beside this file
from old_states import lay_out

# Hundreds of upgrades are made here: in memory, since waiting for a disk would prove nothing more.
MEMORY = Path("/dev/shm")


@pytest.fixture
def old_state() -> Iterator[Callable[[], Path]]:
    """Lays out the state of the first release, anew each time."""
    numbers = iter(range(10_000))
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        yield lambda: lay_out("state-1", Path(place) / f"state-{next(numbers)}")


@pytest.fixture(scope="module")
def killed() -> Iterator[Callable[[str, int, Path], bool]]:
    """Does work on a state directory and kills it at a file operation; False if it came to its end before."""
    worker = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("killing_worker.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def work(what: str, at: int, root: Path) -> bool:
        worker.stdin.write(f"{what} {at} {root}\n")
        worker.stdin.flush()
        answer = worker.stdout.readline().strip()
        assert answer in {"killed", "done 0"}
        return answer == "killed"

    with worker:
        yield work
        worker.stdin.close()
    assert worker.returncode == 0
