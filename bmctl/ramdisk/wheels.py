"""The agent and its libraries, as wheels for the ramdisk's Python, each checked against the lock file."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Final

from bmctl.errors import BmctlError
from bmctl.ramdisk.children import Children
from bmctl.ramdisk.loader import run_inside
from bmctl.ramdisk.recipe import LEFT_OUT_WHEEL_FILES, LEFT_OUT_WHEELS

SITE: Final = "usr/lib/python3/dist-packages"
"""Where the distribution's Python looks even when its environment is empty, as in the agent's children."""
READABLE: Final = ("bmctl_ramdisk", "ironic_python_agent")
OLDEST_C_LIBRARY, NEWEST_C_LIBRARY = 5, 36
"""Minor versions of glibc 2 that wheels may ask for (PEP 600); Debian 12 has 2.36."""


def lock_text() -> str:
    """The lock: every package of the agent with its version and hashes."""
    return files("bmctl.ramdisk").joinpath("agent-requirements.txt").read_text()


def agent_version(lock: str) -> str:
    """The agent's release in a lock."""
    if (found := re.search(r"^ironic-python-agent==(\S+)", lock, re.MULTILINE)) is None:
        raise BmctlError("the lock of the agent's packages names no ironic-python-agent")
    return found[1]


def without(lock: str, names: Iterable[str]) -> str:
    """The lock without some packages."""
    left_out = set(names)
    blocks = re.split(r"(?m)^(?=[a-zA-Z0-9])", lock)
    return "".join(block for block in blocks if block.partition("==")[0] not in left_out)


def install_wheels(scratch: Path, *, python: str, machine: str, children: Children) -> Path:
    """Fetch and unpack the agent's wheels for a Python version such as "3.11"; the directory they are in."""
    requirements, target = scratch / "agent-requirements.txt", scratch / "wheels"
    requirements.write_text(without(lock_text(), LEFT_OUT_WHEELS))
    children.run(
        [sys.executable, "-m", "pip", *_pip_arguments(requirements, target, python, machine)],
        what="fetching the agent",
    )
    for path in sorted(target.rglob("*")):
        if path.is_file() and LEFT_OUT_WHEEL_FILES.fullmatch(path.relative_to(target).as_posix()):
            path.unlink()
    return target


def _pip_arguments(requirements: Path, target: Path, python: str, machine: str) -> list[str]:
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_C_LIBRARY, OLDEST_C_LIBRARY - 1, -1)]
    platforms = [*tags, f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    return [
        *("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"),
        *("--only-binary=:all:", "--require-hashes", "--implementation=cp", f"--python-version={python}"),
        *(f"--platform={platform}" for platform in platforms),
        *("--target", str(target), "--requirement", str(requirements)),
    ]


def place_wheels(wheels: Path, tree: Path) -> None:
    """Move the unpacked wheels to where the ramdisk's Python finds them."""
    (tree / SITE).mkdir(parents=True, exist_ok=True)
    for path in sorted(wheels.iterdir()):
        shutil.move(path, tree / SITE / path.name)


def compile_python(tree: Path, *, python: str, children: Children) -> None:
    """Byte-compile everything, so that nothing is compiled at boot; leave out the libraries' sources.

    The agent and our own programs keep theirs, for readable tracebacks. Byte code carries no line tables for
    carets and is never compared with its source. Not with -O: plain Python would then compile it all again.
    """
    environment = {
        "PYTHONHOME": str(tree / "usr"),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }
    quiet = Children(log=children.log, environment={**children.environment, **environment})
    readable = [tree / SITE / name for name in READABLE]
    _compile(tree, python, quiet, [], readable)
    libraries = [path for path in sorted((tree / SITE).iterdir()) if path not in readable]
    library = tree / "usr/lib" / f"python{python}"
    _compile(tree, python, quiet, ["-b"], [library, *libraries])
    for path in (source for place in (library, *libraries) for source in _sources(place)):
        if path.with_suffix(".pyc").exists():
            path.unlink()


def _sources(place: Path) -> list[Path]:
    return [place] if place.suffix == ".py" else sorted(place.rglob("*.py"))


def _compile(tree: Path, python: str, children: Children, options: list[str], places: list[Path]) -> None:
    program = f"usr/bin/python{python}"
    run_inside(
        tree,
        children,
        program,
        *("-X", "no_debug_ranges", "-S", "-m", "compileall", "-q", "-q", "-f", *options),
        *("--invalidation-mode", "unchecked-hash", "-s", str(tree), "-p", "/"),
        *places,
        called=str(tree / program),
        what="compiling the agent",
    )
