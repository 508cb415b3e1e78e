"""One record as one TinyDB file: read whole, replaced whole, never torn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document

from bmctl.errors import BmctlError
from bmctl.store.durable import write_durably
from bmctl.store.interface import Record

_TABLE = "record"
_ONLY = 1


class DurableStorage(Storage):
    """A TinyDB storage whose writes are atomic and on disk when they return."""

    def __init__(self, path: Path, staging: Path) -> None:
        self._path = path
        self._staging = staging

    def read(self) -> dict[str, dict[str, Any]] | None:
        """The tables, None while there is no file."""
        try:
            tables: dict[str, dict[str, Any]] = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BmctlError(f"cannot read {self._path}: {error.strerror}") from error
        except ValueError as error:
            raise _damaged(self._path) from error
        return tables

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replace the file."""
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
        write_durably(self._path, text.encode() + b"\n", staging=self._staging)


def read_record(path: Path, key: str, *, staging: Path) -> Record | None:
    """The record in the file, None where there is no file."""
    with TinyDB(path, staging, storage=DurableStorage) as database:
        try:
            document = database.table(_TABLE).get(doc_id=_ONLY)
            if document is None:
                return None
            return Record(key=key, value=document["value"], revision=document["revision"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _damaged(path) from error


def write_record(path: Path, record: Record, *, staging: Path) -> None:
    """Make the file hold exactly this record."""
    content = {"key": record.key, "revision": record.revision, "value": record.value}
    with TinyDB(path, staging, storage=DurableStorage) as database:
        database.table(_TABLE).upsert(Document(content, doc_id=_ONLY))


def _damaged(path: Path) -> BmctlError:
    return BmctlError(
        f"the state file {path} cannot be read: it is not what bmctl writes",
        hint="move it away and enroll the machine again",
    )
