"""The schema file of a state directory: which layout it has, and whether a change of layout is under way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmctl.errors import BmctlError, InvalidError
from bmctl.store.durable import write_durably

SCHEMA = 2
"""What this bmctl reads and writes. A release that changes it, or what an unsaid setting means, raises it."""

FILE = "schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaFile:
    """What the file says. `pending` names a change set that must be applied before anything is read.

    `upgrade` names the change set that brought the directory to this version, None where it was made so.
    """

    version: int
    pending: str | None = None
    upgrade: str | None = None


def read_schema(root: Path) -> SchemaFile | None:
    """What the directory's schema file says, None where there is none; `InvalidError` if it is not ours."""
    path = root / FILE
    try:
        content = json.loads(path.read_bytes())
        found = SchemaFile(
            version=content["schema"], pending=content.get("pending"), upgrade=content.get("upgrade")
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BmctlError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unknown(path) from error
    if not isinstance(found.version, int) or found.version < 1:
        raise _unknown(path)
    return found


def write_schema(root: Path, schema: SchemaFile) -> None:
    """Make the file say this; on disk when this returns."""
    content: dict[str, Any] = {"schema": schema.version}
    for name in ("pending", "upgrade"):
        if (value := getattr(schema, name)) is not None:
            content[name] = value
    write_durably(root / FILE, json.dumps(content).encode() + b"\n", staging=root / "staging")


def require_present(root: Path, schema: SchemaFile) -> None:
    """Return only if this bmctl works with the directory as it is; `InvalidError` says what would."""
    if schema.version > SCHEMA:
        raise InvalidError(
            f"the state directory {root} has schema {schema.version}, this bmctl knows {SCHEMA}",
            hint="use the bmctl that wrote it, or name another directory with --state",
        )
    if schema.version < SCHEMA and schema.pending is None:
        raise InvalidError(
            f"the state directory {root} has schema {schema.version}, this bmctl works with {SCHEMA}",
            hint="see what would change and change it: bmctl upgrade --fix",
        )


def _unknown(path: Path) -> InvalidError:
    return InvalidError(
        f"{path} does not name a schema version", hint=f'it should hold {{"schema": {SCHEMA}}}'
    )
