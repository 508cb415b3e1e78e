"""Packages of the host's distribution: which files make up the ramdisk, fetched and verified by apt.

Everything happens below one directory of the cache, beside the host's own package lists and not in them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from bmctl.errors import BmctlError
from bmctl.ramdisk.children import Children
from bmctl.ramdisk.progress import Progress, Tell
from bmctl.ramdisk.recipe import KERNELS, LEFT_OUT_PACKAGES, OPTIONAL_PACKAGES, PACKAGES
from bmctl.ramdisk.sources import Distribution, Sources

FRESH_SECONDS: Final = 86_400
"""Package lists younger than this are not fetched again."""
URI_LINE: Final = re.compile(
    r"^'[^']+' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package file; `size` in bytes."""

    file: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return self.file.split("_", 1)[0]

    @property
    def version(self) -> str:
        return unquote(self.file.split("_")[1])


class Apt:
    """apt with lists, sources and archives of our own."""

    def __init__(self, directory: Path, *, children: Children, distribution: Distribution) -> None:
        self._directory = directory
        self._children = children
        self._distribution = distribution

    def refresh(self, sources: Sources, *, force: bool) -> None:
        """Fetch the package lists, unless they are young and of the same sources."""
        stamp = self._directory / "fetched"
        digest = hashlib.sha256(f"{sources.one_line}\0{sources.stanzas}".encode()).hexdigest()
        young = stamp.exists() and time.time() - stamp.stat().st_mtime < FRESH_SECONDS
        if young and not force and stamp.read_text() == digest:
            return
        for part in ("lists/partial", "archives/partial", "nothing/partial"):
            (self._directory / part).mkdir(parents=True, exist_ok=True)
        (self._directory / "status").touch()
        sources.write(self._directory / "sources")
        self._run("apt-get", "update", what="fetching package lists")
        stamp.write_text(digest)

    def resolve(self, extra: Iterable[str] = ()) -> tuple[Package, ...]:
        """The package files of the ramdisk, by name; remembered as long as the lists stay the same."""
        wanted = self._wanted(extra)
        key = self._state(wanted)
        memory = self._directory / "resolved.json"
        if memory.exists() and (known := json.loads(memory.read_text()))["key"] == key:
            return tuple(Package(**each) for each in known["packages"])
        packages = self._ask(wanted)
        memory.write_text(json.dumps({"key": key, "packages": [asdict(each) for each in packages]}))
        return packages

    def fetch(self, packages: Iterable[Package], tell: Tell) -> list[Path]:
        """Have every package file in the cache, checked against the signed lists."""
        archives = self._directory / "archives"
        packages = tuple(packages)
        missing = [each for each in packages if not _is_whole(archives / each.file, each)]
        total = sum(each.size for each in packages)
        done = total - sum(each.size for each in missing)
        tell(Progress(stage="packages", done=done, total=total))
        for batch in _batches(missing):
            names = [f"{each.name}={each.version}" for each in batch]
            self._run("apt-get", "download", *names, what="fetching packages")
            done += sum(each.size for each in batch)
            tell(Progress(stage="packages", done=done, total=total))
        self._check(archives, missing)
        self._forget(archives, packages)
        return [archives / each.file for each in packages]

    def _check(self, archives: Path, fetched: list[Package]) -> None:
        for each in fetched:
            if not _is_whole(archives / each.file, each):
                raise BmctlError(
                    f"fetching packages failed: {each.file} is not what the package lists promise",
                    hint="try again with --refresh",
                )

    def _forget(self, archives: Path, packages: Iterable[Package]) -> None:
        known = {each.file for each in packages}
        for path in archives.glob("*.deb"):
            if path.name not in known:
                path.unlink()

    def _wanted(self, extra: Iterable[str]) -> tuple[str, ...]:
        kernel = KERNELS[self._distribution.name].format(architecture=self.architecture)
        return (kernel, *PACKAGES, *sorted(extra))

    @property
    def architecture(self) -> str:
        """The distribution's name for this machine: amd64, arm64."""
        return "amd64" if os.uname().machine == "x86_64" else "arm64"

    def _state(self, wanted: tuple[str, ...]) -> str:
        lists = sorted((self._directory / "lists").glob("*_Packages*"))
        states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in lists]
        recipe = (OPTIONAL_PACKAGES, LEFT_OUT_PACKAGES.pattern)
        return hashlib.sha256(repr((wanted, states, recipe)).encode()).hexdigest()

    def _ask(self, wanted: tuple[str, ...]) -> tuple[Package, ...]:
        known = set(self._run("apt-cache", "pkgnames", what="reading package lists").decode().split())
        names = [*wanted, *(name for name in OPTIONAL_PACKAGES if name in known)]
        # apt lists only what it has yet to fetch, so it is shown an empty archive.
        nothing = f"Dir::Cache::archives={self._directory / 'nothing'}"
        listing = self._run(
            "apt-get", "install", "--yes", "--print-uris", "-o", nothing, *names, what="choosing packages"
        )
        found = (
            Package(file=line["file"], size=int(line["size"]), sha256=line["sha256"])
            for line in URI_LINE.finditer(listing.decode())
        )
        kept = (each for each in found if not LEFT_OUT_PACKAGES.fullmatch(each.name))
        return tuple(sorted(kept, key=lambda each: each.name))

    def _run(self, program: str, *arguments: str, what: str) -> bytes:
        own = self._directory
        options = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": own / "sources",
            "Dir::State": own,
            "Dir::State::lists": own / "lists",
            "Dir::State::status": own / "status",
            "Dir::Cache": own,
            "Dir::Cache::archives": own / "archives",
            "Dir::Cache::pkgcache": own / "pkgcache.bin",
            "Dir::Cache::srcpkgcache": own / "srcpkgcache.bin",
            "APT::Sandbox::User": "",
            "APT::Install-Recommends": "false",
            "Acquire::ForceHash": "sha256",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            "Debug::NoLocking": "true",
        }
        flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return self._children.run([program, *flags, *arguments], what=what, directory=own / "archives")


def _is_whole(path: Path, package: Package) -> bool:
    if not path.exists() or path.stat().st_size != package.size:
        return False
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest() == package.sha256


def _batches(packages: list[Package], limit: int = 12_000_000) -> Iterable[list[Package]]:
    """Groups of a few megabytes, so that progress can be told between them."""
    batch: list[Package] = []
    for each in packages:
        batch.append(each)
        if sum(known.size for known in batch) >= limit:
            yield batch
            batch = []
    if batch:
        yield batch


def version_of(packages: Iterable[Package], pattern: str) -> str:
    """The part of a package's name that the pattern's first group matches, such as a kernel version."""
    for each in packages:
        if found := re.fullmatch(pattern, each.name):
            return found[1]
    raise BmctlError(
        f"choosing packages failed: the package lists lead to none that matches {pattern}",
        hint="fetch them anew with --refresh",
    )
