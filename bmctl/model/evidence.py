"""What was seen of a machine so far, by subject; a failure quotes it."""

from __future__ import annotations


class Evidence:
    """The last thing seen of each subject, in the order the subjects first appeared."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def see(self, subject: str, what: str) -> None:
        """Remember what was seen last of a subject."""
        self._seen[subject] = what

    def clear(self) -> None:
        """Forget everything: a new attempt begins."""
        self._seen.clear()

    def __str__(self) -> str:
        return ", ".join(f"{subject} {what}" for subject, what in self._seen.items())

    def to_json(self) -> dict[str, str]:
        """The evidence as plain data."""
        return dict(self._seen)
