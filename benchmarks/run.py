"""Runs the benchmarks and prints what came out.

    python -m benchmarks.run [--write] [NAME ...]

A benchmark is a module `bench_NAME` here with `run() -> list[Row]`. `--write` puts the table into
`docs/performance.md`; it needs all of them, so it takes no names.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import benchmarks
from benchmarks.measure import Row
from benchmarks.table import machine, plain, write

PREFIX = "bench_"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def main(arguments: list[str]) -> None:
    """Run what was asked for."""
    names = _names()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Compare bmctl with peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(names)}; default: all")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(names):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    if options.write and options.names:
        parser.error("--write takes no names: the page shows all benchmarks")
    rows = [row for name in options.names or names for row in _run(name)]
    print(f"{machine()}\n\n{plain(rows)}")
    if options.write:
        write(PAGE, rows)


def _names() -> list[str]:
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name.removeprefix(PREFIX) for name in found if name.startswith(PREFIX))


def _run(name: str) -> list[Row]:
    print(f"measuring {name}", file=sys.stderr, flush=True)
    rows: list[Row] = importlib.import_module(f"benchmarks.{PREFIX}{name}").run()
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
