"""The agents in the ramdisks are ones that this bmctl can talk to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look

# Agents before 12.0.0 look for a service by multicast DNS where they are given no address of one.
OLDEST = (12, 0, 0)
# The newest major version that the whole of bmctl was tried with.
NEWEST_MAJOR = 13


def _run(look: Look) -> Iterator[Finding]:
    told = _told(look)
    for ramdisk in look.ramdisks.values():
        version = ramdisk.agent_version or told.get(ramdisk.digest)
        numbers = _numbers(version)
        if numbers is None:
            continue
        if numbers < OLDEST:
            yield Finding(
                level=Level.FAILURE,
                text=f"ramdisk {ramdisk.name} has agent {version}, the oldest that works is {_text(OLDEST)}",
                remedy="bmctl ramdisk build --refresh",
                place=str(ramdisk.initramfs),
            )
        elif numbers[0] > NEWEST_MAJOR:
            yield Finding(
                level=Level.WARNING,
                text=f"ramdisk {ramdisk.name} has agent {version}, bmctl was tried up to {NEWEST_MAJOR}.x",
                remedy="try it on one machine before you deploy many",
                place=str(ramdisk.initramfs),
            )


def _told(look: Look) -> dict[str, str]:
    """What agents said of themselves, by the digest of the ramdisk they ran in."""
    listings = (record.get("listings") or {} for record in look.records.values())
    return {
        digest: str(entry["agent"])
        for kept in listings
        for digest, entry in kept.items()
        if entry.get("agent")
    }


def _numbers(version: str | None) -> tuple[int, ...] | None:
    found = re.match(r"[0-9]+(\.[0-9]+)*", version or "")
    return tuple(int(part) for part in found[0].split(".")) if found else None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


CHECK = Check(name="agent-version", title="Agent versions", run=_run)
