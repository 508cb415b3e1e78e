"""Programs of the tree run on the build host, through the tree's own dynamic loader: no chroot, no root."""

from __future__ import annotations

from pathlib import Path

from bmctl.ramdisk.children import Children


def run_inside(
    tree: Path, children: Children, program: str, *arguments: str | Path, called: str, what: str
) -> bytes:
    """The output of one of the tree's programs, started under the name `called`."""
    loader = next((tree / "usr").glob("lib*/ld-linux-*.so.*"))
    libraries = ":".join(str(path) for path in sorted((tree / "usr/lib").glob("*-linux-gnu")))
    command: list[str | Path] = [loader, "--argv0", called, "--library-path", libraries, tree / program]
    return children.run([*command, *arguments], what=what)
