"""Makes a deploy ramdisk from packages of the host's distribution and the released agent.

Equal inputs give equal bytes, and are recognised before anything is unpacked. Needs no root: packages are
unpacked, never installed, and the archive is written with root as everybody's owner.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from bmctl.errors import BmctlError
from bmctl.ramdisk import cpio, libraries, shelf, tree, wheels
from bmctl.ramdisk.children import Children
from bmctl.ramdisk.modules import select_modules
from bmctl.ramdisk.packages import Apt, Package, version_of
from bmctl.ramdisk.progress import Progress, Tell, silent
from bmctl.ramdisk.recipe import TIMESTAMP
from bmctl.ramdisk.record import INITRAMFS_FILE, KERNEL_FILE, Origin, Ramdisk
from bmctl.ramdisk.sources import read_distribution, read_sources

LEVEL: Final = 9
"""Of zstd: unpacking takes the same time at any level; 15 packs eight times as long to save 1.4 %."""
WITHOUT_INFLUENCE: Final = frozenset({"__init__.py", "children.py", "progress.py", "record.py", "shelf.py"})
"""Files of this package that never change what a ramdisk is."""
PYTHON_VERSIONS: Final = ("3.11", "3.12", "3.13")
"""Pythons for which the lock has wheels of everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where the build host keeps what a build asks it for."""

    apt: Path = Path("/etc/apt")
    os_release: Path = Path("/etc/os-release")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that decides what the ramdisk is."""

    packages: tuple[Package, ...]
    kernel: str
    python: str

    def digest(self) -> str:
        """Equal digests mean equal ramdisks."""
        digest = hashlib.sha256()
        for part in (*self.packages, self.kernel, self.python, wheels.lock_text(), LEVEL, TIMESTAMP):
            digest.update(f"{part}\0".encode())
        for name, content in _own_files():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def build(
    cache: Path,
    *,
    environment: Mapping[str, str],
    name: str | None = None,
    packages: Iterable[str] = (),
    refresh: bool = False,
    tell: Tell = silent,
    host: Host | None = None,
) -> Ramdisk:
    """The ramdisk of today's packages, made now or taken from the cache.

    `name` is by default the distribution's, as in `debian-12`. `packages` come in addition to the recipe's.
    `refresh` fetches the package lists even when they are less than a day old. `environment` is what apt and
    pip run with. Blocks for about a minute; a second build in the same cache waits for the first.
    Raises BmctlError naming the step that failed and the log.
    """
    host = host or Host()
    distribution = read_distribution(host.os_release)
    name = name or f"{distribution.name}-{distribution.version or distribution.codename}"
    shelf.check_name(name)
    with shelf.exclusive(cache):
        children = Children(log=cache / "build.log", environment=environment)
        children.log.write_bytes(b"")
        apt = Apt(cache / "apt", children=children, distribution=distribution)
        tell(Progress(stage="package lists"))
        apt.refresh(read_sources(host.apt, distribution), force=refresh)
        inputs = _inputs(apt.resolve(packages))
        if (known := _known(cache, inputs, name)) is not None:
            return known
        shelf.forget_unused(cache)
        archives = apt.fetch(inputs.packages, tell)
        return _make(cache, name, inputs, archives, children, tell)


def _inputs(packages: tuple[Package, ...]) -> Inputs:
    kernel = version_of(packages, r"linux-image-(?:unsigned-)?(\d.*)")
    python = version_of(packages, r"libpython(3\.\d+)-stdlib")
    if python not in PYTHON_VERSIONS:
        raise BmctlError(
            f"this distribution has Python {python}, the agent needs one of {', '.join(PYTHON_VERSIONS)}",
            hint="build on Debian 12, 13 or Ubuntu 24.04, or bring one: bmctl ramdisk use KERNEL INITRAMFS",
        )
    return Inputs(packages=packages, kernel=kernel, python=python)


def _known(cache: Path, inputs: Inputs, name: str) -> Ramdisk | None:
    """A ramdisk made earlier from the same inputs, under the wanted name."""
    digest = inputs.digest()
    same = [ramdisk for ramdisk in shelf.list_ramdisks(cache) if ramdisk.inputs == digest]
    if not same or any(ramdisk.name == name for ramdisk in same):
        return next((ramdisk for ramdisk in same if ramdisk.name == name), None)
    return shelf.rename(cache, same[0], name)


def _make(
    cache: Path, name: str, inputs: Inputs, archives: list[Path], children: Children, tell: Tell
) -> Ramdisk:
    with shelf.workplace(cache) as out:
        root = out.parent / "tree"
        _assemble(root, inputs, archives, children, tell)
        (root / f"boot/vmlinuz-{inputs.kernel}").rename(out / KERNEL_FILE)
        (root / "boot").rmdir()
        _pack(root, out / INITRAMFS_FILE, tell)
        return shelf.put(
            cache,
            name=name,
            files=out,
            origin=Origin.BUILT,
            agent_version=wheels.agent_version(wheels.lock_text()),
            inputs=inputs.digest(),
        )


def _assemble(root: Path, inputs: Inputs, archives: list[Path], children: Children, tell: Tell) -> None:
    """The tree as it will run; the agent is fetched while packages are unpacked."""
    with ThreadPoolExecutor(1) as pool:
        fetched = pool.submit(
            wheels.install_wheels,
            root.parent,
            python=inputs.python,
            machine=os.uname().machine,
            children=Children(log=children.log.with_name("pip.log"), environment=children.environment),
        )
        tell(Progress(stage="unpack"))
        tree.unpack(archives, root)
        tell(Progress(stage="drivers"))
        select_modules(root, inputs.kernel, children)
        tell(Progress(stage="agent"))
        wheels.place_wheels(fetched.result(), root)
    _add_own_files(root)
    tell(Progress(stage="compile"))
    wheels.compile_python(root, python=inputs.python, children=children)
    libraries.drop_unused(root)


def _add_own_files(root: Path) -> None:
    own = files("bmctl.ramdisk")
    with as_file(own.joinpath("rootfs")) as overlay, as_file(own.joinpath("inside")) as inside:
        tree.finish(root, overlay)
        tree.lay_over(inside, root / wheels.SITE / "bmctl_ramdisk")


def _own_files() -> list[tuple[str, bytes]]:
    """Names and contents of this package's own files that decide what a ramdisk is."""
    with as_file(files("bmctl.ramdisk")) as own:
        found = (path for path in own.rglob("*") if path.is_file() and path.suffix != ".pyc")
        paths = sorted(path for path in found if path.name not in WITHOUT_INFLUENCE)
        return [(path.relative_to(own).as_posix(), path.read_bytes()) for path in paths]


def _pack(root: Path, target: Path, tell: Tell) -> None:
    """Write the tree as a compressed archive."""
    import zstandard

    total = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=os.cpu_count() or 1)
    with target.open("wb") as out, compressor.stream_writer(out, closefd=False) as packed:
        counted = cpio.Counted(packed, tell=lambda done: tell(Progress(stage="pack", done=done, total=total)))
        cpio.write(root, counted, timestamp=TIMESTAMP)
