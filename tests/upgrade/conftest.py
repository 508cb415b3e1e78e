"""The state of the first release, as often as it is wanted."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the states and cuts beside this file
from old_states import lay_out

# Hundreds of upgrades are made here: in memory, since waiting for a disk would prove nothing more.
MEMORY = Path("/dev/shm")


@pytest.fixture
def old_state() -> Iterator[Callable[[], Path]]:
    """Lays out the state of the first release, anew each time."""
    numbers = iter(range(10_000))
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        yield lambda: lay_out("state-1", Path(place) / f"state-{next(numbers)}")
