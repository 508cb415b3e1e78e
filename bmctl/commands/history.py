"""`bmctl node history`: every run of a node, and every step of one run."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.nodes import complete_nodes
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.commands.tables import show_pairs, show_table
from bmctl.model.amounts import clock_time, duration, size

if TYPE_CHECKING:
    from bmctl.reporting.story import RunStory, TaskStory
    from bmctl.store.filestore import FileStore

EPILOG = """\b
Examples:
  bmctl node history n1                    its runs, the newest first
  bmctl node history n1 --run last         each step of the last one
  bmctl node history n1 --limit 5 --json   for a program
"""
LAST = "last"


@click.command("history", epilog=EPILOG)
@click.argument("name", metavar="NODE", shell_complete=complete_nodes)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Runs shown.")
@click.option("--run", "run", metavar="ID", help='The steps of one run; "last" is the newest.')
@common_options
@click.pass_context
def command(ctx: click.Context, name: str, limit: int, run: str | None) -> None:
    """Show every run of a node, or every step of one of its runs.

    What is told is read from the folders of the runs; no machine is asked.
    """
    settings = settings_of(ctx)
    if run is not None:
        _tell_run(settings, find_story(settings, name, run))
        return
    stories = _stories(settings, name, limit)
    if settings.json:
        click.echo(json.dumps([_summary(story) for story in stories], indent=2))
        return
    if not stories:
        click.echo(f"{name}: nothing was ever run on this node", err=True)
        return
    show_table(("run", "verb", "began", "took", "outcome", "error"), [_row(story) for story in stories])


def find_story(settings: Settings, name: str, run: str | None) -> RunStory:
    """The story of a run of the node; of its last where none, or "last", is named."""
    from bmctl.reporting.node_history import story_of

    store = settings.open_store()
    require_known(settings, store, name)
    return story_of(store.directory, store, name, None if run in {None, LAST} else run)


def require_known(settings: Settings, store: FileStore, name: str) -> None:
    """A node that had runs is known, also after it left the inventory; `InvalidError` for any other."""
    from bmctl.reporting.node_history import run_ids

    if not run_ids(store.directory, store, name):
        settings.load_inventory().node(name)


def _stories(settings: Settings, name: str, limit: int) -> tuple[RunStory, ...]:
    from bmctl.reporting.node_history import node_stories

    store = settings.open_store()
    require_known(settings, store, name)
    return node_stories(store.directory, store, name, limit=limit)


def _summary(story: RunStory) -> dict[str, Any]:
    return {
        "run": story.run,
        "node": story.node,
        "verb": story.verb,
        "began": story.began,
        "ended": story.ended,
        "seconds": round(story.seconds, 3),
        "outcome": story.ending.value,
        "error": story.error,
        "hint": story.hint,
        "resumes": story.resumes,
    }


def _row(story: RunStory) -> tuple[str, ...]:
    took = duration(story.seconds)
    return (
        story.run,
        story.verb,
        _local(story.began),
        f"{took} ({_times(story.resumes)} resumed)" if story.resumes else took,
        story.ending.value,
        story.error or "",
    )


def _tell_run(settings: Settings, story: RunStory) -> None:
    if settings.json:
        click.echo(json.dumps(story.to_json(), indent=2))
        return
    show_pairs(_facts(story))
    click.echo()
    show_table(
        ("step", "at", "took", "tries", "outcome", "error"),
        [_task_row(story, task) for task in story.tasks],
    )
    if story.fetches:
        click.echo()
        show_table(("fetched", "by", "at", "took", "bytes", "what", "status"), _fetch_rows(story))


def _facts(story: RunStory) -> list[tuple[str, object]]:
    ramdisk = story.versions.get("ramdisk") or {}
    return [
        ("run", story.run),
        ("node", story.node),
        ("verb", story.verb),
        ("began", _local(story.began)),
        ("took", duration(story.seconds)),
        ("resumed", _times(story.resumes) if story.resumes else None),
        ("outcome", story.ending.value),
        ("error", story.error),
        ("hint", story.hint),
        ("bmctl", story.versions.get("bmctl")),
        ("agent", story.versions.get("agent")),
        ("ramdisk", f"{ramdisk['name']} ({ramdisk['digest'][:12]})" if ramdisk else None),
        ("plan", story.versions.get("plan")),
        *(("warning", remark.text) for remark in story.warnings),
    ]


def _task_row(story: RunStory, task: TaskStory) -> tuple[str, ...]:
    took = task.seconds
    return (
        task.key,
        clock_time(task.tries[0].began - story.began) if task.tries else "",
        duration(took) if took is not None else "",
        str(len(task.tries)) if len(task.tries) > 1 else "",
        task.ending.value,
        task.error or "",
    )


def _fetch_rows(story: RunStory) -> list[tuple[str, ...]]:
    return [
        (
            f"{fetch.kind} {fetch.name}",
            f"{fetch.who} {fetch.client}",
            clock_time(fetch.began - story.began),
            duration(fetch.seconds),
            size(fetch.sent),
            ", ".join(f"{part} {size(count)}" for part, count in fetch.told_parts),
            f"{fetch.status} {fetch.outcome}",
        )
        for fetch in story.fetches
    ]


def _local(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
