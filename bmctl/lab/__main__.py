"""The lab without the rest of bmctl: `python -m bmctl.lab up [N] | down | status [DIRECTORY]`."""

from __future__ import annotations

import sys
from pathlib import Path

from bmctl.errors import BmctlError
from bmctl.lab.lifecycle import down, status, up
from bmctl.lab.record import LabOptions

USAGE = "usage: python -m bmctl.lab DIRECTORY up [N] | down | status"


def main(arguments: list[str]) -> int:
    """Run one verb; print what it found."""
    match arguments:
        case [directory, "up", *count]:
            options = LabOptions(nodes=int(count[0]) if count else 1)
            lab = up(options, Path(directory), lambda event: print(event.text, file=sys.stderr))  # noqa: T201 - a command line
            print(lab.inventory.read_text())  # noqa: T201 - a command line
        case [directory, "down"]:
            down(Path(directory))
        case [directory, "status"]:
            print(status(Path(directory)))  # noqa: T201 - a command line
        case _:
            print(USAGE, file=sys.stderr)  # noqa: T201 - a command line
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BmctlError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}")
