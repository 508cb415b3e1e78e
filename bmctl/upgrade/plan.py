"""What an upgrade, or taking it back, would change: a value, made by looking alone."""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmctl.errors import BmctlError, InvalidError
from bmctl.inventory.parse import parse
from bmctl.inventory.tree import Body
from bmctl.store.change_set import Change, ChangeSet
from bmctl.store.schema import SCHEMA, SchemaFile, read_schema, require_present
from bmctl.upgrade.changed_defaults import CHANGED_DEFAULTS
from bmctl.upgrade.edits import Edit, Insert, Remove, Rename, edited
from bmctl.upgrade.key_changes import KEY_CHANGES, Fate, KeyChange, Touched, find_changes
from bmctl.upgrade.migrations import MIGRATIONS, Migration, Value, migrated, migrations_from

COLLECTIONS = ("nodes",)
"""Folders of the state directory whose documents migrations may change."""

_HIDDEN = "******"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradePlan:
    """What would change in a state directory and an inventory.

    `what` says it in words. `open_questions` are changes of keys that only the operator can make. `lost`
    is what happened since the upgrade that is to be taken back, and would be gone.
    """

    root: Path
    change_set: ChangeSet
    what: tuple[str, ...] = ()
    open_questions: tuple[Touched, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether everything is as it should be."""
        return self.change_set.source == self.change_set.target and not self.changes

    @property
    def changes(self) -> tuple[Change, ...]:
        """The files whose content becomes another one."""
        return tuple(change for change in self.change_set.changes if change.before != change.after)

    def diff(self, *, secrets: Iterable[str] = (), most: int | None = None) -> str:
        """The changes as unified diffs, without these secrets; of the first `most` files alone."""
        text = "".join(line for change in self.changes[:most] for line in _diff(change))
        for secret in secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def plan_upgrade(
    root: Path,
    inventory: Path | None,
    *,
    now: float,
    migrations: tuple[Migration, ...] = MIGRATIONS,
    key_changes: tuple[KeyChange, ...] = KEY_CHANGES,
) -> UpgradePlan:
    """What brings state and inventory to the present form; `now` is in seconds since the epoch.

    Raises `InvalidError` where the state is of a newer bmctl or damaged.
    """
    schema = read_schema(root) or SchemaFile(version=SCHEMA)
    if schema.version > SCHEMA:
        require_present(root, schema)
    steps = migrations_from(schema.version, migrations)
    documents = tuple(_documents(root, steps)) if steps else ()
    touched = _touched(inventory, key_changes)
    fixable = tuple(one for one in touched if one.change.fixable)
    edits = (_inventory_change(inventory, fixable),) if inventory is not None and fixable else ()
    return UpgradePlan(
        root=root,
        change_set=ChangeSet(
            name=_name(now, "upgrade"),
            source=schema.version,
            target=SCHEMA,
            made=now,
            changes=(*documents, *edits),
        ),
        what=(
            *(step.what for step in steps),
            *(f"unsaid, {default.means}" for default in CHANGED_DEFAULTS if default.schema > schema.version),
            *(f"{inventory}: {one.key} {one.change.describe()}" for one in fixable),
        ),
        open_questions=tuple(one for one in touched if not one.change.fixable),
    )


def plan_rollback(root: Path, *, now: float) -> UpgradePlan:
    """What puts everything back as it was before the last upgrade; `InvalidError` where there was none."""
    schema = read_schema(root)
    if schema is not None and schema.version > SCHEMA:
        require_present(root, schema)
    if schema is None or schema.upgrade is None:
        raise InvalidError(f"there is no upgrade of {root} to take back")
    done = ChangeSet.read(root, schema.upgrade)
    return UpgradePlan(
        root=root,
        change_set=ChangeSet(
            name=_name(now, "rollback"),
            source=schema.version,
            target=done.source,
            made=now,
            changes=tuple(_back(root, done)),
            undoes=done.name,
        ),
        what=(f"everything is as it was before {_moment(done.made)}",),
        lost=tuple(_lost(root, done)),
    )


def content_of(root: Path, path: str) -> str | None:
    """The text of a file of a change set as it is now, None where there is none."""
    try:
        return (root / path).read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BmctlError(f"cannot read {root / path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidError(f"{root / path} is not UTF-8 text", hint="save it as UTF-8") from error


def documents_of(root: Path) -> tuple[str, ...]:
    """Every document that a migration may change, relative to the state directory."""
    found = (path for folder in COLLECTIONS for path in (root / folder).glob("*.json"))
    return tuple(sorted(str(path.relative_to(root)) for path in found))


def _documents(root: Path, steps: tuple[Migration, ...]) -> Iterator[Change]:
    for path in documents_of(root):
        before = content_of(root, path) or ""
        yield Change(path=path, before=before, after=_migrated(root / path, before, steps))


def _migrated(path: Path, text: str, steps: tuple[Migration, ...]) -> str:
    """The document after the migrations, written as the store writes it."""
    try:
        tables = json.loads(text)
        record: Value = tables["record"]["1"]
        value = migrated(record["value"], steps)
        if value == record["value"]:
            return text
        # Whoever still goes by the old record must notice that it is another one now.
        tables["record"]["1"] = {**record, "revision": record["revision"] + 1, "value": value}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidError(
            f"the state file {path} cannot be read: it is not what bmctl writes",
            hint="move it away, run this again, and enroll the machine again",
        ) from error
    return json.dumps(tables, separators=(",", ":"), allow_nan=False) + "\n"


def _touched(inventory: Path | None, key_changes: tuple[KeyChange, ...]) -> tuple[Touched, ...]:
    if inventory is None or not key_changes:
        return ()
    tree, _, _ = parse(content_of(inventory.parent, inventory.name) or "")
    return find_changes(tree, key_changes) if isinstance(tree, Body) else ()


def _inventory_change(inventory: Path, touched: tuple[Touched, ...]) -> Change:
    before = content_of(inventory.parent, inventory.name) or ""
    after = edited(before, [_edit(one) for one in touched])
    return Change(path=str(inventory.absolute()), before=before, after=after)


def _edit(touched: Touched) -> Edit:
    match touched.change:
        case KeyChange(fate=Fate.RENAMED, name=str(name)):
            return Rename(touched.mark, name)
        case KeyChange(fate=Fate.REQUIRED, value=str(value), path=path):
            return Insert(touched.mark, path[-1], value)
        case _:
            return Remove(touched.mark)


def _back(root: Path, done: ChangeSet) -> Iterator[Change]:
    """Every file of the upgrade with its old content again; documents that are new since are taken away."""
    known = {change.path: change.before for change in done.changes}
    for path in {**known, **dict.fromkeys(_present_documents(root, done))}:
        yield Change(path=path, before=content_of(root, path), after=known.get(path))


def _lost(root: Path, done: ChangeSet) -> Iterator[str]:
    after = {change.path: change.after for change in done.changes}
    for path in _present_documents(root, done):
        if path not in after:
            yield f"{path} is new since"
    for path, text in after.items():
        if content_of(root, path) != text:
            yield f"{path} has changed since"


def _present_documents(root: Path, done: ChangeSet) -> tuple[str, ...]:
    """The documents that the upgrade was about: none where it changed the inventory alone."""
    return documents_of(root) if done.source != done.target else ()


def _diff(change: Change) -> Iterator[str]:
    # Lines around a change may hold what nobody should see; in bmctl's own documents nothing does.
    own = not Path(change.path).is_absolute()
    before, after = (_lines(text, pretty=own) for text in (change.before, change.after))
    yield from difflib.unified_diff(
        before, after, fromfile=change.path, tofile=change.path, n=3 if own else 0
    )


def _lines(text: str | None, *, pretty: bool) -> list[str]:
    if text is None:
        return []
    shown = text
    if pretty:
        content: Any = json.loads(text)
        shown = json.dumps(content["record"]["1"], indent=2) + "\n"
    return [line.rstrip("\r\n") + "\n" for line in shown.splitlines(keepends=True)]


def _name(now: float, kind: str) -> str:
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}-{kind}"


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
