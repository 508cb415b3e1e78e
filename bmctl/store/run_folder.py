"""A run's own folder: its journal, its secrets, and what is kept of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmctl.errors import BmctlError
from bmctl.store.durable import write_durably
from bmctl.store.journal import Journal, read_journal

JOURNAL = "journal.jsonl"
SECRETS = "secrets.json"
PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's directory, mode 0700; everything in it is for its owner alone."""

    path: Path

    @property
    def journal_path(self) -> Path:
        """Where the journal is."""
        return self.path / JOURNAL

    def begin(self, header: Mapping[str, Any], *, clock: Callable[[], float]) -> Journal:
        """Start the journal of a new run."""
        return Journal.create(self.journal_path, header, clock=clock)

    def reopen(self, *, clock: Callable[[], float]) -> Journal:
        """Go on with the journal of a run that was cut off."""
        return Journal.open(self.journal_path, clock=clock)

    def outcome(self) -> str | None:
        """How the run ended, None while it has not: it runs, or was killed."""
        facts = read_journal(self.journal_path).facts
        last = next((fact for fact in reversed(facts) if fact.kind in {"end", "mark"}), None)
        return last.fields["outcome"] if last is not None and last.kind == "end" else None

    def keep_secrets(self, secrets: Mapping[str, str]) -> None:
        """Write the run's secrets for a resume, readable by their owner alone."""
        write_durably(self.path / SECRETS, json.dumps(dict(secrets)).encode(), staging=self.path)

    def read_secrets(self) -> dict[str, str]:
        """The run's secrets; BmctlError where they were removed."""
        try:
            found: dict[str, str] = json.loads((self.path / SECRETS).read_bytes())
        except (OSError, ValueError) as error:
            raise BmctlError(
                f"the secrets of run {self.path.name} cannot be read from {self.path / SECRETS}",
                hint="the run cannot go on without them: deploy the node again",
            ) from error
        return found

    def keep_plan(self, plan: Mapping[str, Any]) -> None:
        """Write down what the run set out to do, for whoever reads of it later; not needed to go on."""
        text = json.dumps(plan, indent=2, default=str) + "\n"
        write_durably(self.path / PLAN, text.encode(), staging=self.path)

    def read_plan(self) -> dict[str, Any] | None:
        """What the run set out to do; None where that was not kept."""
        try:
            found = json.loads((self.path / PLAN).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def forget_secrets(self) -> None:
        """Remove what nobody needs once the run is over."""
        (self.path / SECRETS).unlink(missing_ok=True)
