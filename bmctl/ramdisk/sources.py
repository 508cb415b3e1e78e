"""The host's own package sources, narrowed to its distribution.

Third-party sources are left out: the ramdisk needs nothing from them, and one that cannot be reached would
stop the build.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bmctl.errors import BmctlError

COMPONENTS: Final = frozenset(
    {"main", "contrib", "non-free", "non-free-firmware", "restricted", "universe", "multiverse"}
)
POCKETS: Final = ("", "-updates", "-security")
ONE_LINE: Final = re.compile(
    r"deb(?:\s+\[(?P<options>[^]]*)\])?\s+(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Which system the host runs, as /etc/os-release says."""

    name: str
    codename: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Package sources in apt's two formats; either may be empty."""

    one_line: str
    stanzas: str

    def write(self, directory: Path) -> None:
        """Leave exactly these sources in a directory for apt."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "host.list").write_text(self.one_line)
        (directory / "host.sources").write_text(self.stanzas)


def read_distribution(os_release: Path) -> Distribution:
    """Raises BmctlError where the host is neither Debian nor Ubuntu."""
    text = os_release.read_text() if os_release.exists() else ""
    values = {
        key: value.strip("'\"") for key, _, value in (line.partition("=") for line in text.splitlines())
    }
    if values.get("ID") not in {"debian", "ubuntu"} or not values.get("VERSION_CODENAME"):
        raise BmctlError(
            f"a ramdisk is built on Debian or Ubuntu only, this is {values.get('PRETTY_NAME', 'unknown')}",
            hint="build it on such a machine, or bring one: bmctl ramdisk use KERNEL INITRAMFS",
        )
    return Distribution(
        name=values["ID"], codename=values["VERSION_CODENAME"], version=values.get("VERSION_ID", "")
    )


def read_sources(apt: Path, distribution: Distribution) -> Sources:
    """The sources below a directory like /etc/apt that are the distribution's own."""
    lists = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    lines = [line for path in lists if path.is_file() for line in _lines(path, distribution)]
    paths = sorted((apt / "sources.list.d").glob("*.sources"))
    stanzas = [stanza for path in paths for stanza in _stanzas(path, distribution)]
    if not lines and not stanzas:
        raise BmctlError(
            f"no package source for {distribution.name} {distribution.codename} found below {apt}",
            hint=f"add the distribution's own source to {apt / 'sources.list'}",
        )
    return Sources(one_line="".join(f"{line}\n" for line in lines), stanzas="\n".join(stanzas))


def _lines(path: Path, distribution: Distribution) -> list[str]:
    kept = []
    for line in path.read_text(errors="replace").splitlines():
        if (found := ONE_LINE.match(line.strip())) is None:
            continue
        key = re.search(r"signed-by=(\S+)", found["options"] or "")
        if _is_own(distribution, found["suite"], found["components"], key[1] if key else ""):
            kept.append(line.strip())
    return kept


def _stanzas(path: Path, distribution: Distribution) -> list[str]:
    blocks = re.split(r"\n\s*\n", _without_comments(path.read_text(errors="replace")))
    return [kept for block in blocks if (kept := _narrow(block, distribution))]


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def _narrow(block: str, distribution: Distribution) -> str:
    """The stanza with only the distribution's own suites, or nothing."""
    fields = {name.lower(): value.strip() for name, value in re.findall(r"(?m)^([\w-]+):(.*)$", block)}
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {
        "no",
        "false",
    }:
        return ""
    suites = [
        suite
        for suite in fields.get("suites", "").split()
        if _is_own(distribution, suite, fields.get("components", ""), fields.get("signed-by", ""))
    ]
    narrowed = re.sub(r"(?mi)^suites:.*$", f"Suites: {' '.join(suites)}", block.strip())
    return re.sub(r"(?mi)^types:.*$", "Types: deb", narrowed) + "\n" if suites else ""


def _is_own(distribution: Distribution, suite: str, components: str, keyring: str) -> bool:
    own_suite = suite in {distribution.codename + pocket for pocket in POCKETS}
    foreign_key = keyring.startswith("/") and not Path(keyring).name.startswith(distribution.name)
    return own_suite and set(components.split()) <= COMPONENTS and not foreign_key
