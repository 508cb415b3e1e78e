"""Scripted faults of the lab's controllers: a JSON file of rules, read anew whenever it changes.

A rule is an object with `match`, a regular expression searched for in "METHOD /path", and any of:

- `status`: answer with it here, so that the machine's emulator never hears of the request; a status
  below 400 makes a controller that lies. With `forward` true the request is carried out first.
- `retry_after`: seconds for a Retry-After header. `message`: the text of the error.
- `delay`: seconds to wait before anything else happens. `drop`: true closes the connection instead.
- `change`: an object merged into the JSON answer (RFC 7396): what the controller claims instead.
- `skip`: this many matching requests pass first. `times`: how often the rule applies; without it, always.

The first rule that matches and still applies is taken. Counting starts again when the file changes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bmctl.errors import InvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule; times are in seconds."""

    match: re.Pattern[str]
    status: int | None = None
    forward: bool = False
    retry_after: int | None = None
    message: str = "the lab was told to fail here"
    delay: float = 0.0
    drop: bool = False
    change: dict[str, Any] | None = None
    skip: int = 0
    times: int | None = None


KEYS = frozenset(each.name for each in fields(Fault))


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read rules; raises InvalidError saying what is wrong with the first bad one."""
    try:
        rules = json.loads(text)
    except ValueError as error:
        raise InvalidError(f"the faults are not JSON: {error}") from error
    if not isinstance(rules, list):
        raise InvalidError("the faults are not a list of rules")
    return tuple(_parse(rule, number) for number, rule in enumerate(rules, start=1))


def _parse(rule: Any, number: int) -> Fault:
    if not isinstance(rule, dict) or not isinstance(rule.get("match"), str):
        raise InvalidError(f"fault {number} has no match", hint='write {"match": "POST .*Reset", ...}')
    if unknown := sorted(set(rule) - KEYS):
        raise InvalidError(f"fault {number} has unknown keys: {', '.join(unknown)}")
    try:
        return Fault(**{**rule, "match": re.compile(rule["match"])})
    except re.error as error:
        raise InvalidError(f"fault {number}: {rule['match']} is no regular expression: {error}") from error


@dataclass(slots=True)
class FaultBook:
    """The rules of a file as they apply to one request after the other."""

    path: Path
    _faults: tuple[Fault, ...] = ()
    _seen: list[int] = field(default_factory=list)
    _state: tuple[int, int] | None = None

    def find(self, method: str, path: str) -> Fault | None:
        """The rule for this request, counted as used; InvalidError where the file is not readable."""
        self._refresh()
        for index, fault in enumerate(self._faults):
            if not fault.match.search(f"{method} {path}"):
                continue
            self._seen[index] += 1
            past = self._seen[index] - fault.skip
            if past > 0 and (fault.times is None or past <= fault.times):
                return fault
        return None

    def _refresh(self) -> None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._faults, self._seen, self._state = (), [], None
            return
        state = (found.st_mtime_ns, found.st_size)
        if state != self._state:
            self._faults = parse_faults(self.path.read_text())
            self._seen = [0] * len(self._faults)
            self._state = state


def merge(document: Any, change: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396)."""
    if not isinstance(change, dict):
        return change
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result
