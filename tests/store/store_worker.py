"""A process of its own that works on a store, to be many at once or to be killed.

Usage: store_worker.py WORK DIRECTORY. It says `ready` once it has started, and waits
for the end of its input, so that many can begin at once.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from bmctl.errors import BusyError
from bmctl.store.filestore import open_store
from bmctl.store.owner import this_process

UPDATES = 20
TURNS = 5


def count_up(store):
    for _ in range(UPDATES):
        store.update("nodes/n1", lambda value: {"count": value.get("count", 0) + 1})


def count_in_turn(store):
    """Every put fits at the first try, or the process fails."""
    for _ in range(TURNS):
        with wait_for_lock(store) as lock:
            found = store.get("nodes/n1")
            revision, count = (found.revision, found.value["count"]) if found else (0, 0)
            store.put("nodes/n1", {"count": count + 1}, if_revision=revision, fence=lock.fence)


def wait_for_lock(store):
    while True:
        try:
            return store.lock("nodes/n1", this_process("test", since=time.time()), lease=60)
        except BusyError:
            time.sleep(0.002)


def write_for_ever(store):
    """Lengths change from write to write: a rewrite in place would tear."""
    while True:
        pad = "x" * random.randint(1, 9000)
        store.update("nodes/n1", lambda value, pad=pad: {"n": value.get("n", 0) + 1, "pad": pad})


def die_with_the_lock(store):
    store.lock("nodes/n1", this_process("bmctl deploy n1", since=time.time()), lease=3600)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    work, root = sys.argv[1:]
    opened = open_store(Path(root))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    globals()[work](opened)
