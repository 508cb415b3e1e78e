"""All runs of a node, told from their folders."""

from __future__ import annotations

from dataclasses import replace

from bmctl.errors import BmctlError, InvalidError
from bmctl.reporting.run_story import read_story
from bmctl.reporting.story import Ending, RunStory
from bmctl.store.directory import StateDirectory, run_began
from bmctl.store.history import HistoryEntry, remembered_runs
from bmctl.store.interface import Store
from bmctl.store.record import get_node, node_key


def run_ids(directory: StateDirectory, store: Store, node: str) -> tuple[str, ...]:
    """The node's runs, the oldest first: those of its history, and those that only its record names."""
    return tuple(sorted({*_entries(directory, node), *_named_in_record(store, node)}))


def node_stories(
    directory: StateDirectory, store: Store, node: str, *, limit: int | None = None
) -> tuple[RunStory, ...]:
    """The stories of the node's last `limit` runs, the newest first; a run that cannot be read says so."""
    ids = run_ids(directory, store, node)
    return tuple(_told(directory, store, node, run) for run in reversed(ids[-limit:] if limit else ids))


def story_of(directory: StateDirectory, store: Store, node: str, run: str | None) -> RunStory:
    """The story of one run of the node, of its last where `run` is None; `InvalidError` for no run of it."""
    ids = run_ids(directory, store, node)
    if run is None and not ids:
        raise InvalidError("nothing was ever run on this node", hint=f"the first run: bmctl deploy {node}")
    chosen = ids[-1] if run is None else run
    if chosen not in ids:
        raise InvalidError(f"{chosen} is no run of this node", hint=f"see them: bmctl node history {node}")
    return _read(directory, store, node, chosen)


def _told(directory: StateDirectory, store: Store, node: str, run: str) -> RunStory:
    try:
        return _read(directory, store, node, run)
    except BmctlError as error:
        entry = _entry_of(directory, node, run)
        return RunStory(
            run=run,
            node=node,
            verb=entry.verb,
            began=entry.began,
            ended=entry.began,
            ending=Ending.CUT_OFF,
            error=error.message,
            hint=error.hint,
        )


def _read(directory: StateDirectory, store: Store, node: str, run: str) -> RunStory:
    holder = store.holder(node_key(node))
    story = read_story(
        directory.run(run),
        busy_since=holder.since if holder is not None else None,
        entry=_entry_of(directory, node, run),
    )
    return replace(story, node=story.node or node)


def _entries(directory: StateDirectory, node: str) -> dict[str, HistoryEntry]:
    return {entry.run: entry for entry in remembered_runs(directory, node)}


def _entry_of(directory: StateDirectory, node: str, run: str) -> HistoryEntry:
    """What the history says of a run; of one from before there was a history, what its id says."""
    found = _entries(directory, node).get(run)
    return found if found is not None else HistoryEntry(run=run, verb="", began=run_began(run))


def _named_in_record(store: Store, node: str) -> tuple[str, ...]:
    """Runs from before there was a history."""
    stored = get_node(store, node)
    if stored is None:
        return ()
    last = (stored.record.run_id,) if stored.record.run_id is not None else ()
    return (*stored.record.history, *last)
