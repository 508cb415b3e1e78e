"""Kernel modules: the drivers of servers and virtual machines, with all they depend on."""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from bmctl.ramdisk.children import Children
from bmctl.ramdisk.loader import run_inside
from bmctl.ramdisk.recipe import LEFT_OUT_MODULES, MODULES


def select_modules(tree: Path, kernel: str, children: Children) -> None:
    """Leave only the recipe's modules and their dependencies, uncompressed and indexed."""
    home = tree / "usr/lib/modules" / kernel
    for path in sorted(home.rglob("*.ko.*")):
        _expand(path)
    _index(tree, kernel, children)
    graph = dependencies((home / "modules.dep").read_text())
    needed = chosen(graph)
    for path in home.rglob("*.ko"):
        if path.relative_to(home).as_posix() not in needed:
            path.unlink()
    _index(tree, kernel, children)
    for path in home.glob("modules.*"):
        if path.suffix not in {".bin", ".order", ".builtin"} and path.name != "modules.softdep":
            path.unlink()


def dependencies(text: str) -> dict[str, tuple[str, ...]]:
    """Each module of a `modules.dep` with those it needs, as paths below the modules' directory."""
    pairs = (line.partition(":") for line in text.splitlines() if line)
    return {name: tuple(needs.split()) for name, _, needs in pairs}


def chosen(graph: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The modules that the recipe asks for, and all they need."""
    globs = [f"kernel/{pattern}*" for pattern in MODULES]
    found = {
        name
        for name in graph
        if any(fnmatchcase(name, glob) for glob in globs) and not LEFT_OUT_MODULES.fullmatch(name)
    }
    return frozenset(found.union(*(graph[name] for name in found)))


def _index(tree: Path, kernel: str, children: Children) -> None:
    run_inside(
        tree, children, "usr/bin/kmod", "-b", tree, kernel, called="depmod", what="indexing kernel modules"
    )


def _expand(path: Path) -> None:
    """Uncompressed modules make a smaller archive: it is compressed as a whole."""
    if path.suffix == ".xz":
        content = lzma.decompress(path.read_bytes())
    elif path.suffix == ".zst":
        import zstandard

        content = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
    else:
        return
    path.with_suffix("").write_bytes(content)
    path.unlink()
