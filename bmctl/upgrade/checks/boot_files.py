"""The loaders, kernels and ramdisks that machines were booted with last are still the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bmctl.store.locks import describe_age
from bmctl.upgrade.boot_files import UsedFile, is_same, sha256_of, used_files
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look

_SHOWN = 12


def _run(look: Look) -> Iterator[Finding]:
    for path, used in used_files(look.directory).items():
        ago = describe_age(look.sources.now - used.used)
        if not path.is_file():
            yield _changed(path, f"is gone since it was used {ago} ago")
        elif not is_same(path, used) and (found := sha256_of(path)) != used.sha256:
            yield _changed(path, _another(used, found, ago))


def _another(used: UsedFile, found: str, ago: str) -> str:
    was, now = used.sha256[:_SHOWN], found[:_SHOWN]
    return f"is another one than machines were booted with {ago} ago: sha256 {was}... became {now}..."


def _changed(path: Path, text: str) -> Finding:
    return Finding(
        level=Level.WARNING,
        text=f"{path.name} {text}",
        remedy="try it on one machine before you deploy many",
        place=str(path),
    )


CHECK = Check(name="boot-files", title="Boot files that changed", run=_run)
