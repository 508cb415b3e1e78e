"""State directories of every schema that was released, and a process cut at any file operation."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"


def lay_out(name: str, root: Path) -> Path:
    """A kept state directory, with the modes it had."""
    root.mkdir(mode=0o700, parents=True)
    for path, text in json.loads((FIXTURES / f"{name}.json").read_text()).items():
        place = root / path
        if text is None:
            place.mkdir(mode=0o700, exist_ok=True)
        else:
            place.write_text(text)
            place.chmod(0o600)
    return root


def contents(root: Path) -> dict[str, bytes]:
    """Everything that counts in a state directory: no guards, half-written files or notes of upgrades."""
    passing = {"staging", "upgrade"}
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".guard" and path.relative_to(root).parts[0] not in passing
    }


class Killed(BaseException):
    """The process is gone from here on."""


class Cutter:
    """Ends a process before its file operation of a certain number; all later ones are never made either."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.count = 0

    def __call__(self, _frame: Any, event: str, called: Any) -> None:
        if event != "c_call" or getattr(called, "__module__", None) != "posix":
            return
        if called.__name__ == "close":  # the system closes a dead process's files
            return
        self.count += 1
        if self.at is not None and self.count >= self.at:
            raise Killed


@contextmanager
def cut_at(number: int | None) -> Iterator[Cutter]:
    """Cuts what runs in the block; with None it is only counted."""
    cutter = Cutter(number)
    before = sys.getprofile()
    sys.setprofile(cutter)
    try:
        yield cutter
    except Killed:
        pass
    finally:
        sys.setprofile(before)
