"""Takes secrets out of what is given away; its structure stays as it was, for programs to read."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from enum import Enum
from typing import Any

from bmctl.agent.redact import SHORTEST_SECRET, redact_archive, redactor
from bmctl.errors import BmctlError
from bmctl.reporting.story import RunStory

REMOVED = "******"
_TELLING_KEY = re.compile(
    r"(?:^|[_ -])(?:password|passwd|passphrase|secret|token|authorization|private_key|key_pem|credentials?)$",
    re.IGNORECASE,
)
_LEFT_OUT = b"bmctl left this out: it could not be looked into for secrets\n"


class Redaction:
    """Removes the secrets given, and what looks like one, from everything a report is made of."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret.strip()) >= SHORTEST_SECRET)
        self._redact = redactor(self._secrets)

    def text(self, text: str) -> str:
        """The text without secrets."""
        return self._redact(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def value(self, value: Any, *, key: str = "") -> Any:
        """Plain data without secrets: what a telling key (`password`, `token`) holds is removed whole."""
        match value:
            case dict():
                return {self.text(str(name)): self.value(item, key=str(name)) for name, item in value.items()}
            case list() | tuple():
                return [self.value(item, key=key) for item in value]
            case str():
                return REMOVED if value and _TELLING_KEY.search(key) else self.text(value)
            case int() | float() | None:
                return value
            case _:
                return self.text(str(value))

    def story(self, story: RunStory) -> RunStory:
        """The story without secrets: what is drawn from it has none, however it is escaped there."""
        redacted: RunStory = self._same(story)
        return redacted

    def document(self, value: Any) -> bytes:
        """Plain data as a JSON document without secrets."""
        return (json.dumps(self.value(value), indent=2) + "\n").encode()

    def lines(self, content: bytes) -> bytes:
        """JSON lines without secrets; a line that is no JSON is redacted as text."""
        return b"".join(self._line(line) + b"\n" for line in content.split(b"\n") if line.strip())

    def archive(self, content: bytes) -> bytes:
        """A tar.gz without secrets in its members; a line that says so where it cannot be looked into."""
        try:
            return redact_archive(content, self._secrets)
        except BmctlError:
            return _LEFT_OUT

    def _same(self, value: Any) -> Any:
        """A value of the same type, its texts without secrets."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = (item.name for item in dataclasses.fields(value))
            return dataclasses.replace(value, **{name: self._same(getattr(value, name)) for name in fields})
        if isinstance(value, tuple):
            return tuple(self._same(item) for item in value)
        return value if isinstance(value, Enum) else self.value(value)

    def _line(self, line: bytes) -> bytes:
        try:
            return json.dumps(self.value(json.loads(line)), separators=(",", ":")).encode()
        except ValueError:
            return self._redact(line)
