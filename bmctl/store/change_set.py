"""Changes of many files that happen all or not at all, however the process ends.

A change set is written down whole, with what each file holds before and after. Then one rename makes the
schema file name it: from that moment the new content counts, and whoever opens the directory first sees to
it that every file holds it. Until that moment no file was touched.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bmctl.errors import BmctlError
from bmctl.store.durable import (
    exclusive,
    make_private_directory,
    remove_durably,
    sync_directory,
    write_durably,
)
from bmctl.store.schema import SchemaFile, read_schema, write_schema

FOLDER = "upgrade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file's content before and after; None where there is no file.

    `path` is relative to the state directory. An absolute one names a file of somebody else, which is only
    changed while it holds what it did before.
    """

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """All that changes together, between two schemas; `made` is in seconds since the epoch.

    `undoes` names the earlier set that this one takes back.
    """

    name: str
    source: int
    target: int
    made: float
    changes: tuple[Change, ...]
    undoes: str | None = None

    def to_json(self) -> str:
        """The set as text."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, root: Path, name: str) -> Self:
        """The set of this name; `BmctlError` where it is gone or damaged."""
        path = path_of(root, name)
        try:
            content: dict[str, Any] = json.loads(path.read_bytes())
            changes = tuple(Change(**change) for change in content.pop("changes"))
            return cls(**content, changes=changes)
        except OSError as error:
            raise BmctlError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BmctlError(f"{path} is damaged: it is not what bmctl writes") from error


def commit(root: Path, change_set: ChangeSet) -> tuple[str, ...]:
    """Make the changes; returns the files of others that were left alone.

    The caller sees to it that nobody else changes the files meanwhile.
    """
    make_private_directory(root / FOLDER)
    make_private_directory(root / "staging")
    write_durably(path_of(root, change_set.name), change_set.to_json().encode(), staging=root / "staging")
    # A bmctl that knows only the older schema must keep off until all is done, in either direction.
    newer = max(change_set.source, change_set.target)
    write_schema(root, SchemaFile(version=newer, pending=change_set.name))
    return complete(root)


def complete(root: Path) -> tuple[str, ...]:
    """Finish the change set that is pending, if any; returns the files of others that were left alone."""
    with exclusive(root / FOLDER / "guard"):
        schema = read_schema(root)
        if schema is None or schema.pending is None:
            return ()
        change_set = ChangeSet.read(root, schema.pending)
        left = tuple(change.path for change in change_set.changes if not _apply(root, change))
        upgrade = change_set.name if change_set.undoes is None else None
        write_schema(root, SchemaFile(version=change_set.target, upgrade=upgrade))
    return left


def path_of(root: Path, name: str) -> Path:
    """Where the set of this name is kept."""
    return root / FOLDER / f"{name}.json"


def _apply(root: Path, change: Change) -> bool:
    """Leave the file with its new content; False for somebody else's file that was left alone."""
    path = root / change.path
    if path.is_absolute() and not path.is_relative_to(root):
        return _apply_outside(path, change)
    if change.after is None:
        remove_durably(path)
    elif change.after != change.before or not path.exists():
        make_private_directory(path.parent)
        write_durably(path, change.after.encode(), staging=root / "staging")
    return True


def _apply_outside(path: Path, change: Change) -> bool:
    try:
        present = path.read_bytes()
        if change.after is None or change.before is None or present not in _both(change):
            return False
        if present != change.after.encode():
            _replace(path.resolve(), change.after.encode())
    except OSError:
        return False
    return True


def _both(change: Change) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in (change.before, change.after) if text is not None)


def _replace(path: Path, content: bytes) -> None:
    """The file's new content under its old owner and mode."""
    status = path.stat()
    temporary = path.with_name(f".{path.name}.bmctl-new")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
