"""Makes upgrades in processes of their own, each killed with SIGKILL before a file operation of its choice.

Each line of input names what to do (`upgrade`, `rollback` or `open`), the number of the file operation, and
the state directory. The answer says whether the process was killed or came to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from bmctl.errors import InvalidError
from bmctl.store.directory import StateDirectory
from bmctl.upgrade.carry_out import carry_out
from bmctl.upgrade.plan import plan_rollback, plan_upgrade

NOW = 1_800_000_000.0


def work(what: str, root: Path) -> None:
    if what == "upgrade":
        carry_out(plan_upgrade(root, None, now=NOW))
    elif what == "rollback":
        carry_out(plan_rollback(root, now=NOW + 60))
    else:
        with suppress(InvalidError):  # the state is of an older schema again
            StateDirectory.open(root)


class Killer:
    """Counts calls into the operating system that are about files; `at` is the last that is not made."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, _frame: Any, event: str, called: Any) -> None:
        if event == "c_call" and getattr(called, "__module__", None) == "posix":
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    for line in sys.stdin:
        what, number, root = line.rstrip("\n").split(" ", 2)
        child = os.fork()
        if not child:
            sys.setprofile(Killer(int(number)))
            work(what, Path(root))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{'killed' if os.WIFSIGNALED(status) else f'done {status}'}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
