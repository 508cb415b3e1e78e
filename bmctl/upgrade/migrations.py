"""How a node's record changes from one schema of the state directory to the next; a pure function each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bmctl.errors import InvalidError
from bmctl.store.schema import SCHEMA

Value = dict[str, Any]

# What stands for the digest of a ramdisk where none was recorded.
UNKNOWN_RAMDISK = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """From schema `source` to the next one; `what` says it in a person's words."""

    source: int
    what: str
    change: Callable[[Value], Value]


def _listings(record: Value) -> Value:
    """The agent's deploy steps stand with those of other kinds, under the ramdisk that told them."""
    agent = dict(record.get("agent") or {})
    if "steps" not in agent:
        return record
    steps = agent.pop("steps")
    listings = dict(record.get("listings") or {})
    if steps:
        listings[UNKNOWN_RAMDISK] = {
            "learnt": record.get("updated", 0.0),
            "agent": agent.get("version"),
            "deploy": steps,
        }
    return {**record, "agent": agent, "listings": listings}


MIGRATIONS: tuple[Migration, ...] = (
    Migration(source=1, what="steps of agents are kept for each ramdisk and kind", change=_listings),
)


def migrations_from(schema: int, migrations: tuple[Migration, ...] = MIGRATIONS) -> tuple[Migration, ...]:
    """Those that lead from this schema to the present one; `InvalidError` where one is missing."""
    by_source = {migration.source: migration for migration in migrations}
    wanted = range(schema, SCHEMA)
    if missing := [source for source in wanted if source not in by_source]:
        raise InvalidError(f"this bmctl knows no way from schema {missing[0]} to {missing[0] + 1}")
    return tuple(by_source[source] for source in wanted)


def migrated(record: Mapping[str, Any], migrations: tuple[Migration, ...]) -> Value:
    """The record after all of the migrations."""
    value = dict(record)
    for migration in migrations:
        value = migration.change(value)
    return value
