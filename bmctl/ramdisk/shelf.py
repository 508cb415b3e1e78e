"""The ramdisks of a cache directory: kept by content, called by name, one of them the default.

`files/DIGEST/` holds a kernel and an initramfs and never changes, so that a deploy under way keeps its files
whatever is built meanwhile. `names/NAME.json` says which content a name means now.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bmctl.errors import BmctlError, InvalidError
from bmctl.ramdisk.record import (
    INITRAMFS_FILE,
    KERNEL_FILE,
    Origin,
    Ramdisk,
    digest_of,
    from_json,
    kernel_version,
)

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
DEFAULT: Final = "default"
"""File that holds the name of the default ramdisk."""
UNUSED_SECONDS: Final = 86_400
"""Content that no name means any more is kept this long: a deploy may still be serving it."""
BUILD_HINT: Final = "run: bmctl ramdisk build"


def list_ramdisks(cache: Path) -> list[Ramdisk]:
    """Every ramdisk whose files are there, by name."""
    found = (_read(cache, path) for path in sorted((cache / "names").glob("*.json")))
    return [ramdisk for ramdisk in found if ramdisk is not None]


def find(cache: Path, name: str | None = None) -> Ramdisk:
    """The ramdisk of that name, or the default one. Raises BmctlError where there is none."""
    known = {ramdisk.name: ramdisk for ramdisk in list_ramdisks(cache)}
    wanted = name or default_name(cache)
    if wanted in known:
        return known[wanted]
    if not known:
        raise BmctlError("there is no deploy ramdisk yet", hint=BUILD_HINT)
    raise BmctlError(f"no ramdisk is called {wanted}", hint=f"known are: {', '.join(known)}")


def find_digest(cache: Path, name: str | None = None) -> str | None:
    """Names what `find` would find by its content; None where it finds nothing."""
    try:
        return find(cache, name).digest
    except BmctlError:
        return None


def default_name(cache: Path) -> str | None:
    """The name of the default ramdisk: the chosen one, else the first built, else the first of all."""
    path = cache / DEFAULT
    known = list_ramdisks(cache)
    names = [ramdisk.name for ramdisk in known]
    if path.exists() and (chosen := path.read_text().strip()) in names:
        return chosen
    built = [ramdisk.name for ramdisk in known if ramdisk.origin is Origin.BUILT]
    return next(iter([*built, *names]), None)


def choose(cache: Path, name: str) -> Ramdisk:
    """Make a known ramdisk the default."""
    ramdisk = find(cache, name)
    _write_whole(cache / DEFAULT, f"{name}\n")
    return ramdisk


def use(cache: Path, *, name: str, kernel: Path, initramfs: Path) -> Ramdisk:
    """Take in somebody else's ramdisk; the files are linked or copied, so that the originals may go away."""
    for path in (kernel, initramfs):
        if not path.is_file() or path.stat().st_size == 0:
            raise InvalidError(f"{path} is not a file with content", hint="name a kernel and an initramfs")
    with workplace(cache) as scratch:
        _take(kernel, scratch / KERNEL_FILE)
        _take(initramfs, scratch / INITRAMFS_FILE)
        return put(cache, name=name, files=scratch, origin=Origin.GIVEN)


def remove(cache: Path, name: str) -> None:
    """Forget a name, and the files if no other name means them."""
    ramdisk = find(cache, name)
    (cache / "names" / f"{name}.json").unlink(missing_ok=True)
    if all(other.digest != ramdisk.digest for other in list_ramdisks(cache)):
        shutil.rmtree(cache / "files" / ramdisk.digest, ignore_errors=True)


def put(
    cache: Path,
    *,
    name: str,
    files: Path,
    origin: Origin,
    agent_version: str | None = None,
    inputs: str | None = None,
) -> Ramdisk:
    """Move a directory with kernel and initramfs onto the shelf under a name; all or nothing."""
    check_name(name)
    kernel, initramfs = files / KERNEL_FILE, files / INITRAMFS_FILE
    digest = digest_of(kernel, initramfs)
    sizes = kernel.stat().st_size, initramfs.stat().st_size
    version = kernel_version(kernel)
    place = cache / "files" / digest
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        _sync(kernel, initramfs)
        _move(files, place)
    ramdisk = Ramdisk(
        name=name,
        kernel=place / KERNEL_FILE,
        initramfs=place / INITRAMFS_FILE,
        digest=digest,
        origin=origin,
        kernel_size=sizes[0],
        initramfs_size=sizes[1],
        kernel_version=version,
        agent_version=agent_version,
        inputs=inputs,
    )
    record(cache, ramdisk)
    return ramdisk


def record(cache: Path, ramdisk: Ramdisk) -> None:
    """Let the ramdisk's name mean its content from now on."""
    _write_whole(cache / "names" / f"{ramdisk.name}.json", ramdisk.to_json())


def rename(cache: Path, ramdisk: Ramdisk, name: str) -> Ramdisk:
    """The same content under one more name."""
    check_name(name)
    renamed = replace(ramdisk, name=name)
    record(cache, renamed)
    return renamed


def check_name(name: str) -> None:
    """Raises InvalidError for what cannot name a ramdisk."""
    if not NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot name a ramdisk", hint="use letters, digits, dots, dashes and underscores"
        )


def forget_unused(cache: Path) -> None:
    """Delete content that no name has meant for a day, and what killed builds left behind."""
    used = {ramdisk.digest for ramdisk in list_ramdisks(cache)}
    old = time.time() - UNUSED_SECONDS
    for path in [*(cache / "files").glob("*"), *(cache / "scratch").glob("*")]:
        if path.name not in used and path.stat().st_mtime < old:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def workplace(cache: Path) -> Iterator[Path]:
    """A directory on the cache's file system that is gone afterwards."""
    (cache / "scratch").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache / "scratch", ignore_cleanup_errors=True) as scratch:
        inner = Path(scratch) / "files"
        inner.mkdir()
        yield inner


@contextmanager
def exclusive(cache: Path) -> Iterator[None]:
    """One build at a time per cache; the lock goes with the process that holds it."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(cache: Path, path: Path) -> Ramdisk | None:
    """The record, None where it is damaged or its files are gone or cut short."""
    try:
        ramdisk = from_json(path.read_text(), files=cache / "files")
        sizes = ramdisk.kernel.stat().st_size, ramdisk.initramfs.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ramdisk if sizes == (ramdisk.kernel_size, ramdisk.initramfs_size) else None


def _take(source: Path, target: Path) -> None:
    """A copy rather than a hard link: an original that is rewritten in place must not change the shelf."""
    shutil.copyfile(source, target)


def _move(files: Path, place: Path) -> None:
    try:
        files.rename(place)
    except OSError:
        # Somebody was quicker with the same content.
        if not place.exists():
            raise


def _sync(*paths: Path) -> None:
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _write_whole(path: Path, text: str) -> None:
    """The file holds either its old text or the new one, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).replace(path)
