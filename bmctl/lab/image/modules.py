"""Kernel modules of the test image: those it may need, and the few that find its disk."""

from __future__ import annotations

import lzma
import re
from pathlib import Path

DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


def module_files(home: Path) -> dict[str, Path]:
    """Every module below a kernel's directory, by the name that other modules call it."""
    return {_name(path): path for path in home.rglob("*.ko*")}


def closure(files: dict[str, Path], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The wanted modules and all they depend on, each after those it needs.

    A wanted module that the kernel has built in is not among the files and is left out.
    """
    ordered: list[str] = []
    for name in wanted:
        if name in files:
            _add(name, files, ordered)
    return tuple(ordered)


def read_module(path: Path) -> bytes:
    """A module's ELF file, whatever compression the distribution gave it."""
    content = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(content)
    if path.suffix == ".zst":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return content


def chosen_names(home: Path, directories: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the modules whose path below `kernel/` begins with one of those."""
    kernel = home / "kernel"
    return tuple(
        sorted(
            _name(path)
            for path in kernel.rglob("*.ko*")
            if path.relative_to(kernel).as_posix().startswith(directories)
        )
    )


def _add(name: str, files: dict[str, Path], ordered: list[str]) -> None:
    if name in ordered or name not in files:
        return
    found = DEPENDS.search(read_module(files[name]))
    for needed in (found[1].decode() if found else "").split(","):
        if needed:
            _add(needed.replace("-", "_"), files, ordered)
    ordered.append(name)


def _name(path: Path) -> str:
    return path.name.partition(".ko")[0].replace("-", "_")
