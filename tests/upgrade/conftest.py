"""The state of the first release, as often as it is wanted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the states and cuts beside this file
from old_states import lay_out


@pytest.fixture
def old_state(tmp_path: Path) -> Callable[[], Path]:
    """Lays out the state of the first release, anew each time."""
    numbers = iter(range(10_000))

    def make() -> Path:
        return lay_out("state-1", tmp_path / f"state-{next(numbers)}")

    return make
