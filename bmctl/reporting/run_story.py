"""Reads a run's folder and tells how the run went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bmctl.errors import BmctlError
from bmctl.model.event import EventKind
from bmctl.reporting.signs import Sign, all_signs, by_process
from bmctl.reporting.story import Ending, Remark, RunStory, Sitting, TaskStory, Try
from bmctl.reporting.worker import step_of, worker_of
from bmctl.store.fetch_log import FETCHES, RUNNING, FetchNote, read_fetches
from bmctl.store.history import HistoryEntry
from bmctl.store.journal import Story, read_journal
from bmctl.store.marks import Mark
from bmctl.store.run_folder import JOURNAL, RunFolder

_NEVER_BEGAN = "it ended before it began; nothing was done to the machine"
_FOLDER_GONE = "its folder is gone, and with it how it went"


def read_story(
    folder: Path, *, busy_since: float | None = None, entry: HistoryEntry | None = None
) -> RunStory:
    """The story of the run in this folder, as far as it has come.

    `busy_since` is since when a living process has held the run's node, in seconds since the epoch: a
    run without an end that gave a sign since then is running, another was cut off. `entry` is what the
    node's history says of the run; it is told where the run ended before its journal began, or its folder is
    gone. Raises `BmctlError` where there is neither, or the journal is damaged.
    """
    try:
        journal = read_journal(folder / JOURNAL)
    except BmctlError:
        if entry is None or _has_journal(folder):
            raise
        return _without_journal(folder, entry)
    reader = _Reader(folder=folder, journal=journal, plan=_plan(folder))
    return reader.read(busy_since)


def _has_journal(folder: Path) -> bool:
    """Whether there is a journal with a header; a torn header never happened."""
    try:
        return b"\n" in (folder / JOURNAL).read_bytes()
    except OSError:
        return False


def _without_journal(folder: Path, entry: HistoryEntry) -> RunStory:
    known = folder.is_dir()
    return RunStory(
        run=folder.name,
        node="",
        verb=entry.verb,
        began=entry.began,
        ended=entry.began,
        ending=Ending.CUT_OFF if known else Ending.FORGOTTEN,
        error=_NEVER_BEGAN if known else _FOLDER_GONE,
        sittings=(Sitting(began=entry.began, ended=entry.began),),
    )


def _plan(folder: Path) -> list[Mapping[str, Any]]:
    plan = RunFolder(folder).read_plan() or {}
    return [task for task in plan.get("tasks", ()) if isinstance(task, dict) and "task" in task]


@dataclass(slots=True)
class _TaskDraft:
    """What is known of a task so far; `open_since` is when the try under way began."""

    key: str
    about: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    tries: list[Try] = field(default_factory=list)
    open_since: float | None = None
    error: str | None = None
    hint: str | None = None
    evidence: dict[str, str] = field(default_factory=dict)

    def close(self, at: float | None, ending: Ending) -> None:
        """The try under way has ended so; nothing happens where none is."""
        if self.open_since is not None:
            self.tries.append(Try(began=self.open_since, ended=at, ending=ending))
            self.open_since = None

    def take_back(self) -> None:
        """What the last try left is gone."""
        if self.tries and self.tries[-1].ending is Ending.DONE:
            self.tries[-1] = replace(self.tries[-1], ending=Ending.TAKEN_BACK)

    def story(self) -> TaskStory:
        about = self.about
        failed = bool(self.tries) and self.tries[-1].ending is not Ending.DONE
        return TaskStory(
            key=self.key,
            title=self.title or _title(self.key),
            part_of=about.get("part_of") or step_of(self.key),
            worker=worker_of(self.key, needs_ramdisk=_needs_ramdisk(self.key, about)),
            origin=about.get("origin", "core"),
            reason=about.get("reason", ""),
            tries=tuple(self.tries),
            error=self.error if failed else None,
            hint=self.hint if failed else None,
            evidence=self.evidence if failed else {},
        )


class _Reader:
    """Goes through the signs of a run once."""

    def __init__(self, *, folder: Path, journal: Story, plan: list[Mapping[str, Any]]) -> None:
        self._folder = folder
        self._header = journal.header
        self._processes = by_process(all_signs(journal, folder))
        self._drafts = {item["task"]: _TaskDraft(item["task"], dict(item)) for item in plan}
        self._last_task = ""
        self._facts: dict[str, Any] = {}
        self._remarks: dict[str, list[Remark]] = {EventKind.WARNING: [], EventKind.NOTE: []}
        self._end: Mapping[str, Any] | None = None

    def read(self, busy_since: float | None) -> RunStory:
        began = float(self._header.get("timestamp", 0.0))
        if self._processes:
            began = self._processes[0][0].at
        sittings = [Sitting(began=part[0].at, ended=part[-1].at) for part in self._processes]
        for part in self._processes:
            self._end = None
            for sign in part:
                self._take(sign)
            if part is not self._processes[-1]:
                self._close_all(part[-1].at, Ending.CUT_OFF)
        last = sittings[-1].ended if sittings else began
        ending = self._ending(busy_since is not None and last >= busy_since)
        self._close_all(None if ending is Ending.RUNNING else last, ending)
        return self._story(began, None if ending is Ending.RUNNING else last, ending, tuple(sittings))

    def _story(
        self, began: float, ended: float | None, ending: Ending, sittings: tuple[Sitting, ...]
    ) -> RunStory:
        tasks = tuple(draft.story() for draft in self._drafts.values())
        error = (self._end or {}).get("error")
        unfinished = next((task for task in reversed(tasks) if task.ending is Ending.CUT_OFF), None)
        if ending is Ending.CUT_OFF and unfinished is not None:
            error = f"{unfinished.title}: the process ended in the middle of it"
        failed = next((task for task in tasks if task.hint and task.error == error), None)
        return RunStory(
            run=self._folder.name,
            node=str(self._header.get("node", "")),
            verb=str(self._header.get("verb", "")),
            began=began,
            ended=ended,
            ending=ending,
            error=error,
            hint=(self._end or {}).get("hint") or (failed.hint if failed else None),
            sittings=sittings,
            tasks=tasks,
            fetches=self._fetches(ended),
            warnings=tuple(self._remarks[EventKind.WARNING]),
            notes=tuple(self._remarks[EventKind.NOTE]),
            versions=self._versions(),
        )

    def _fetches(self, ended: float | None) -> tuple[FetchNote, ...]:
        """The fetches as they ended: one that nobody saw the end of broke off with its process."""
        last_began = self._processes[-1][0].at if self._processes else 0.0
        return tuple(
            replace(fetch, outcome=Ending.CUT_OFF.value)
            if fetch.outcome == RUNNING and (ended is not None or fetch.began < last_began)
            else fetch
            for fetch in read_fetches(self._folder / FETCHES)
        )

    def _ending(self, busy: bool) -> Ending:
        if self._end is not None:
            return _ending_of(self._end.get("outcome"))
        return Ending.RUNNING if busy else Ending.CUT_OFF

    def _versions(self) -> dict[str, Any]:
        known = {
            **(self._facts.get("versions") or {}),
            "agent": (self._facts.get("agent") or {}).get("version"),
            "plan": self._header.get("plan"),
        }
        return {name: value for name, value in known.items() if value is not None}

    # -- one sign ----------------------------------------------------------------------------------

    def _take(self, sign: Sign) -> None:
        if sign.is_event:
            self._take_event(sign)
        elif sign.kind == "mark":
            self._take_mark(sign.at, sign.fields["task"], sign.fields["mark"])
        elif sign.kind == "fact":
            self._facts[sign.fields["name"]] = sign.fields["value"]
        elif sign.kind == "end":
            self._end = sign.fields
            self._close_all(sign.at, _ending_of(sign.fields.get("outcome")))

    def _take_mark(self, at: float, task: str, mark: str) -> None:
        draft = self._draft(task)
        match mark:
            case Mark.STARTED:
                draft.close(at, Ending.CUT_OFF)
                draft.open_since = at
            case Mark.DONE:
                draft.close(at, Ending.DONE)
            case Mark.FAILED:
                draft.close(at, Ending.FAILED)
            case Mark.UNDONE:
                draft.take_back()

    def _take_event(self, sign: Sign) -> None:
        task, text = sign.fields.get("task", ""), sign.fields.get("text", "")
        about = sign.fields.get("fields") or {}
        match sign.kind:
            case EventKind.STARTED:
                draft = self._draft(task)
                draft.title = text
                draft.about.update(about)
            case EventKind.FAILED:
                draft = self._draft(task)
                draft.error, draft.hint = text, sign.fields.get("hint")
                draft.evidence = about.get("evidence") or {}
            case EventKind.WARNING | EventKind.NOTE:
                self._remarks[sign.kind].append(Remark(at=sign.at, task=task, text=text))

    def _draft(self, key: str) -> _TaskDraft:
        """The task of this key; one that joined the plan later stands after the one before it."""
        if key not in self._drafts:
            position = list(self._drafts).index(self._last_task) + 1 if self._last_task else 0
            items = list(self._drafts.items())
            self._drafts = dict((*items[:position], (key, _TaskDraft(key)), *items[position:]))
        self._last_task = key
        return self._drafts[key]

    def _close_all(self, at: float | None, ending: Ending) -> None:
        for draft in self._drafts.values():
            draft.close(at, ending)


def _ending_of(outcome: Any) -> Ending:
    """A newer bmctl may know more ways to end."""
    return Ending(outcome) if outcome in set(Ending) else Ending.FAILED


def _title(key: str) -> str:
    from bmctl.steps import STEPS

    step = STEPS.get(step_of(key))
    return step.title if step is not None else key


def _needs_ramdisk(key: str, about: Mapping[str, Any]) -> bool:
    if "needs_ramdisk" in about:
        return bool(about["needs_ramdisk"])
    from bmctl.steps import STEPS

    step = STEPS.get(step_of(key))
    return step is not None and step.needs_ramdisk
