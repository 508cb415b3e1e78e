"""Stores to test, one per backend, and owners in every condition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bmctl.store.filestore import open_store
from bmctl.store.interface import Owner, Store
from bmctl.store.owner import this_process

BACKENDS: dict[str, Callable[[Path, Callable[[], float]], Store]] = {
    "files": lambda path, clock: open_store(path, clock=clock),
}


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=sorted(BACKENDS))
def open_again(request, tmp_path, clock) -> Callable[[], Store]:
    """Opens the same store once more, as another command would."""
    return lambda: BACKENDS[request.param](tmp_path / "state", clock)


@pytest.fixture
def store(open_again) -> Store:
    return open_again()


@pytest.fixture
def here(clock) -> Owner:
    return this_process("bmctl deploy n1", since=clock.now)


@pytest.fixture
def dead(here) -> Owner:
    """An owner whose pid now belongs to a process that started at another time."""
    return replace(here, started=here.started + 1, command="bmctl clean n1")


@pytest.fixture
def elsewhere(here) -> Owner:
    """An owner on a host we cannot see."""
    return replace(here, host="other", machine="0" * 32, boot="another boot", command="bmctl deploy n1")
