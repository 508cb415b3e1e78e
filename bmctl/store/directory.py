"""The state directory: its layout, its schema version, and the folders of runs.

schema.json                 the version of all that lies beside it; see `bmctl.store.schema`
nodes/<name>.json           one TinyDB file per node
files/boot.json             what machines were booted with; see `bmctl.upgrade.boot_files`
locks/nodes/<name>.json     who holds the node, and the highest fence so far
runs/<run id>/              journal and evidence of one run
history/<name>.jsonl        which runs a node had
staging/                    files being written
upgrade/                    what changes of schema changed, and how it was before
"""

from __future__ import annotations

import calendar
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote

from bmctl.errors import BmctlError, InvalidError
from bmctl.store.change_set import complete
from bmctl.store.durable import clean_staging, make_private_directory, sync_directory
from bmctl.store.schema import SCHEMA, SchemaFile, read_schema, require_present, write_schema

_SUFFIX = ".json"
# The longest file name Linux file systems take (limits.h, NAME_MAX), less the longest suffix.
_LONGEST_NAME = 255 - len(".guard")
_NOT_RECORDS = frozenset({"history", "locks", "runs", "staging"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDirectory:
    """Where state lies. Made by `open`, which leaves the directory ready for use."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Self:
        """Make or open a state directory, mode 0700, and clear what dead writers left.

        `InvalidError` if a newer bmctl or an older one wrote it; then nothing in it is touched.
        """
        if not root.is_dir():
            make_private_directory(root)
        directory = cls(root=root)
        schema = directory._present_schema()
        for folder in (directory.nodes, directory.locks, directory.runs, directory.staging):
            make_private_directory(folder)
        clean_staging(directory.staging)
        if schema is None:
            write_schema(root, SchemaFile(version=SCHEMA))
        return directory

    @property
    def nodes(self) -> Path:
        """One file per node."""
        return self.root / "nodes"

    @property
    def locks(self) -> Path:
        """One file per lock that was ever taken."""
        return self.root / "locks"

    @property
    def runs(self) -> Path:
        """One folder per run."""
        return self.root / "runs"

    @property
    def staging(self) -> Path:
        """Files being written; on the file system of all the others, so that they can be renamed."""
        return self.root / "staging"

    def _present_schema(self) -> SchemaFile | None:
        """What lies here, None in a new directory; a change of schema that was cut off is finished first."""
        schema = read_schema(self.root)
        if schema is None:
            return None
        require_present(self.root, schema)
        if schema.pending is not None:
            complete(self.root)
            schema = read_schema(self.root)
            if schema is not None:
                require_present(self.root, schema)
        return schema

    def record_path(self, key: str) -> Path:
        """The file of the record called `collection/name`."""
        collection, name = _split(key)
        return self.root / collection / f"{name}{_SUFFIX}"

    def lock_path(self, key: str) -> Path:
        """The file that says who holds the lock of a key."""
        collection, name = _split(key)
        return self.locks / collection / f"{name}{_SUFFIX}"

    def guard_path(self, key: str) -> Path:
        """The empty file that is flocked while a key's record or lock is written."""
        collection, name = _split(key)
        return self.locks / collection / f"{name}.guard"

    def history_path(self, node: str) -> Path:
        """The file that names the runs of a node; `store.history` reads and writes it."""
        _, name = _split(f"nodes/{node}")
        return self.root / "history" / f"{name}.jsonl"

    def keys(self, prefix: str) -> tuple[str, ...]:
        """The keys of all records that start with `prefix` (`collection/` at least), sorted."""
        collection = prefix.partition("/")[0]
        if collection in _NOT_RECORDS:
            raise ValueError(f"no records are kept in {collection}")
        names = (path.stem for path in (self.root / collection).glob(f"*{_SUFFIX}"))
        found = (f"{collection}/{unquote(name)}" for name in names)
        return tuple(sorted(key for key in found if key.startswith(prefix)))

    def lock_keys(self) -> tuple[str, ...]:
        """The keys of all locks that were ever taken, sorted."""
        found = {
            f"{path.parent.name}/{unquote(path.stem)}"
            for path in self.locks.glob("*/*")
            if path.suffix in {_SUFFIX, ".guard"}
        }
        return tuple(sorted(found))

    def create_run(self, run_id: str) -> Path:
        """Make the folder of a new run, mode 0700."""
        path = self.run(run_id)
        try:
            path.mkdir(mode=0o700)
            sync_directory(self.runs)
        except FileExistsError:
            raise BmctlError(f"run {run_id} exists already") from None
        except OSError as error:
            raise BmctlError(f"cannot make the directory {path}: {error.strerror}") from error
        return path

    def run(self, run_id: str) -> Path:
        """The folder of a run; `InvalidError` for an id that is not one name."""
        if Path(run_id).name != run_id or run_id in {"", ".", ".."}:
            raise InvalidError(f"{run_id!r} is not a run id", hint="see the ids with: bmctl node show NODE")
        return self.runs / run_id

    def run_ids(self) -> tuple[str, ...]:
        """The ids of all runs, oldest first."""
        return tuple(sorted(path.name for path in self.runs.iterdir() if path.is_dir()))


def make_run_id(now: float) -> str:
    """A new run id that sorts by time: `20260314T150926Z-6f2a1c`."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}-{secrets.token_hex(3)}"


def run_began(run_id: str) -> float:
    """When the run of this id began, in whole seconds since the epoch; 0 where the id does not say."""
    try:
        return float(calendar.timegm(time.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return 0.0


def _split(key: str) -> tuple[str, str]:
    """Collection and file name of a key, so that every name makes a plain file name."""
    collection, slash, name = key.partition("/")
    if not (collection.isidentifier() and slash and name) or collection in _NOT_RECORDS:
        raise ValueError(f"{key!r} is not a key of the form collection/name")
    # Unreserved characters stay readable; a dot in front would hide the file or leave the folder.
    encoded = quote(name, safe="")
    encoded = f"%2E{encoded[1:]}" if encoded.startswith(".") else encoded
    if len(encoded) > _LONGEST_NAME:
        raise InvalidError(f"the name {name[:40]}... is too long to be kept", hint="shorten the name")
    return collection, encoded
