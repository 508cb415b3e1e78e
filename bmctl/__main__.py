"""`bmctl` and `python -m bmctl`: run the command line and turn what goes wrong into an exit code."""

from __future__ import annotations

import sys

from bmctl.commands.main import run


def main() -> None:
    """Run the command line of this process and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
