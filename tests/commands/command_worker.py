"""Runs command lines of `bmctl`, each in a process of its own, without loading the same modules each time.

A line of JSON on stdin asks for one: arguments, directory, environment, and the files for what it says. The
answer is its exit code. Only loading is shared: nothing is called before the processes part.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from bmctl.__main__ import main

PACKAGES = ("commands", "conduct", "flows", "inventory", "reporting", "steps", "store", "upgrade")
LONGEST_SECONDS = 60


def load() -> None:
    """Import what commands would import by themselves."""
    for package in PACKAGES:
        found = importlib.import_module(f"bmctl.{package}")
        for module in pkgutil.iter_modules(found.__path__, f"bmctl.{package}."):
            importlib.import_module(module.name)
    assert threading.active_count() == 1, "a process with threads must not be forked"


def become(asked: dict[str, Any]) -> None:
    """Be the process of one command line from here on."""
    signal.alarm(LONGEST_SECONDS)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate((asked["out"], asked["err"]), start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.chdir(asked["directory"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["bmctl", *asked["arguments"]]


def asked_for() -> Iterator[dict[str, Any]]:
    while line := sys.stdin.readline():
        yield json.loads(line)


load()
gc.freeze()  # so that no process looks through what all of them share
for asked in asked_for():
    if (child := os.fork()) == 0:
        become(asked)
        main()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.write(f"{code}\n")
    sys.stdout.flush()
