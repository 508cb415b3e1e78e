"""What operators ask of a node's run from other commands: to hold before a step, to abort.

It is kept beside the node's record, since that is written by whoever holds the lock alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bmctl.engine.plan import Task
from bmctl.store.interface import Store


@dataclass(frozen=True, slots=True)
class NodeHelm:
    """The wishes about one node's run, present or next."""

    store: Store
    node: str

    @property
    def _key(self) -> str:
        return f"steering/{self.node}"

    def holds(self) -> tuple[str, ...]:
        """The steps before which to hold."""
        return tuple(self._read().get("holds", ()))

    def holds_before(self, task: Task) -> bool:
        """Whether somebody asked to hold before this task."""
        return any(task.is_called(word) for word in self.holds())

    def abort_asked(self) -> str | None:
        """Who asked to abort, None if nobody did."""
        who: str | None = self._read().get("abort")
        return who

    def hold_before(self, word: str) -> None:
        """Ask to hold before the first task that `word` may mean."""
        self._change(lambda wishes: {**wishes, "holds": [*dict.fromkeys((*wishes.get("holds", ()), word))]})

    def release(self, task: Task | None = None) -> tuple[str, ...]:
        """Take back the holds before this task, or all of them; returns which they were."""
        gone = tuple(word for word in self.holds() if task is None or task.is_called(word))
        if gone:
            self._change(
                lambda wishes: {**wishes, "holds": [one for one in wishes["holds"] if one not in gone]}
            )
        return gone

    def ask_abort(self, who: str) -> None:
        """Ask the run that is under way to end."""
        self._change(lambda wishes: {**wishes, "abort": who})

    def forget(self, *, holds: bool = True) -> None:
        """The run is over, or another one begins: an abort was meant for that one alone."""
        if self._read():
            self._change(lambda wishes: {} if holds else {"holds": wishes.get("holds", [])})

    def _read(self) -> dict[str, Any]:
        found = self.store.get(self._key)
        return found.value if found is not None else {}

    def _change(self, change: Any) -> None:
        self.store.update(self._key, change)
