"""What upgrade checks look at: inventory, state and boot files, each read once and only when asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bmctl.inventory.loading import Examined, examine
from bmctl.inventory.problems import InventoryError
from bmctl.inventory.tree import locate
from bmctl.ramdisk.shelf import list_ramdisks
from bmctl.store.directory import StateDirectory
from bmctl.store.interface import Owner
from bmctl.store.locks import LockState, LockTable
from bmctl.store.schema import SCHEMA, SchemaFile, read_schema
from bmctl.upgrade.check import UnseenError
from bmctl.upgrade.migrations import Value, migrated, migrations_from

if TYPE_CHECKING:
    from bmctl.inventory.problems import Problem
    from bmctl.model.node import Node
    from bmctl.ramdisk.record import Ramdisk

ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where to look. `inventory` is None where there is none and none was asked for.

    `here` is the looking process, `now` the seconds since the epoch, `roots` are searched for boot loaders.
    """

    inventory: Path | None
    state: Path
    cache: Path
    here: Owner
    now: float
    roots: tuple[Path, ...] = (ROOT,)


class Look:
    """One look at everything. Nothing is written, and no machine is asked."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources

    # -- the inventory -----------------------------------------------------------------------------

    @cached_property
    def examined(self) -> Examined | InventoryError:
        """The inventory as far as it can be read; the error where it cannot be read at all."""
        if self.sources.inventory is None:
            raise UnseenError("there is no inventory")
        try:
            return examine(self.sources.inventory)
        except InventoryError as error:
            return error

    @property
    def inventory(self) -> Examined:
        """The inventory; `UnseenError` where it cannot be read."""
        if isinstance(self.examined, InventoryError):
            raise UnseenError("the inventory cannot be read")
        return self.examined

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong or doubtful about the inventory."""
        return self.examined.problems

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes that could be read."""
        return self.inventory.inventory.nodes

    def place(self, node: str, *keys: str | int) -> str:
        """Where the keys of a node stand in the file, also where defaults or a group give them."""
        body = self.inventory.bodies[node]
        line, column = locate(body, keys).value_at
        return f"{self.sources.inventory}:{line}:{column}"

    def says(self, node: str, *keys: str) -> bool:
        """Whether the inventory itself says this for the node, so that no default counts."""
        part: Any = self.inventory.bodies[node]
        for key in keys:
            if not isinstance(part, Mapping) or key not in part:
                return False
            part = part[key]
        return True

    # -- the state ---------------------------------------------------------------------------------

    @cached_property
    def schema(self) -> SchemaFile | None:
        """What the state directory says of itself, None where there is none yet."""
        return read_schema(self.sources.state)

    @cached_property
    def directory(self) -> StateDirectory:
        """The state directory, not opened: an older or newer one is looked at too."""
        return StateDirectory(root=self.sources.state)

    @cached_property
    def _documents(self) -> tuple[dict[str, Value], dict[str, str]]:
        """The records as the present schema has them, and the damaged ones with what is wrong."""
        version = self.schema.version if self.schema else SCHEMA
        if version > SCHEMA:
            raise UnseenError("the state was written by a newer bmctl")
        steps = migrations_from(version)
        records: dict[str, Value] = {}
        damaged: dict[str, str] = {}
        for path in sorted(self.directory.nodes.glob("*.json")):
            try:
                records[unquote(path.stem)] = migrated(
                    json.loads(path.read_bytes())["record"]["1"]["value"], steps
                )
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                damaged[unquote(path.stem)] = str(path)
        return records, damaged

    @property
    def records(self) -> Mapping[str, Value]:
        """What is remembered of each node, in the form of the present schema."""
        return self._documents[0]

    @property
    def damaged(self) -> Mapping[str, str]:
        """The files of records that cannot be read, by node."""
        return self._documents[1]

    @cached_property
    def locks(self) -> Mapping[str, LockState]:
        """The locks that somebody holds or held when it died, by key."""
        found = ((key, self.lock_table.read(key)) for key in self.directory.lock_keys())
        return {key: state for key, state in found if state.owner is not None}

    @cached_property
    def lock_table(self) -> LockTable:
        """The locks themselves."""
        return LockTable(self.directory, lambda: self.sources.now)

    # -- boot files --------------------------------------------------------------------------------

    @cached_property
    def ramdisks(self) -> Mapping[str, Ramdisk]:
        """The usable ramdisks by name."""
        return {ramdisk.name: ramdisk for ramdisk in list_ramdisks(self.sources.cache / "ramdisks")}
