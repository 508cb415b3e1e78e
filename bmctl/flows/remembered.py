"""The agent's steps as a node's record keeps them: by ramdisk, since another one may offer others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bmctl.model.steps import StepKind

# Ramdisks whose steps a record keeps; the ones learnt longest ago go first.
KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What one ramdisk's agent told on a node: when (seconds since the epoch), and by kind."""

    digest: str
    agent: str | None
    when: float
    listings: Mapping[str, Mapping[str, Any]]


def learnt(listings: Mapping[str, Any], digest: str | None) -> Learnt | None:
    """What this ramdisk's agent told; with no digest given, what was told last."""
    if digest is None:
        digest = max(listings, key=lambda one: listings[one].get("learnt", 0), default=None)
    if digest is None or digest not in listings:
        return None
    entry = listings[digest]
    return Learnt(
        digest=digest,
        agent=entry.get("agent"),
        when=entry.get("learnt", 0.0),
        listings={kind: entry[kind] for kind in StepKind if kind in entry},
    )


def listings_of(listings: Mapping[str, Any], digest: str | None) -> Mapping[str, Mapping[str, Any]]:
    """The remembered answers of this ramdisk's agent by kind, empty where there are none."""
    found = learnt(listings, digest)
    return found.listings if found else {}


def remember(
    listings: Mapping[str, Any],
    *,
    digest: str,
    agent: str | None,
    told: Mapping[str, Mapping[str, Any]],
    now: float,
) -> dict[str, Any]:
    """The record's `listings` with what an agent has just told; kinds it was not asked for stay.

    Those that another version of the agent told under the same digest go.
    """
    before = listings.get(digest, {})
    kept = before if before.get("agent") == agent else {}
    changed = {**listings, digest: {**kept, **told, "agent": agent, "learnt": now}}
    newest = sorted(changed, key=lambda one: changed[one].get("learnt", 0), reverse=True)[:KEPT]
    return {one: changed[one] for one in changed if one in newest}
