"""The timeline of a run as one page that needs nothing else: no network, no script, no font of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bmctl.model.amounts import clock_time, duration, size
from bmctl.reporting.chart import draw_chart
from bmctl.reporting.markup import Markup, element
from bmctl.reporting.story import Ending, RunStory, TaskStory, Worker
from bmctl.reporting.style import STYLE

_WORKERS = {
    Worker.MACHINE: "waiting for the machine",
    Worker.CONTROLLER: "controller",
    Worker.AGENT: "agent",
    Worker.BMCTL: "bmctl itself",
}
_MOODS = {Ending.DONE: "good", Ending.RUNNING: "open", Ending.HELD: "open"}
# A page that is opened from an archive must not fetch or run anything, whatever a machine has said.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def timeline_page(story: RunStory) -> str:
    """The page; it is well-formed XML too, and says everything in words that it shows in the drawing."""
    body = element(
        "main",
        _head(story),
        _facts(story),
        _error(story),
        *(_warning(remark.text) for remark in story.warnings),
        _shares(story),
        element("h2", "Timeline"),
        _scrollable(draw_chart(story), class_="chart card", called="timeline"),
        element("h2", "Tasks"),
        _tasks(story),
        *_fetches(story),
        *_notes(story),
        element("footer", f"Run {story.run}{_plan(story)}. Times on the axis are since it began."),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", f"{story.node}: {story.verb}, {story.ending.value}"),
        element("style", Markup(STYLE)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', body), lang='en')}\n"


def _head(story: RunStory) -> Markup:
    mood = _MOODS.get(story.ending, "bad")
    return element(
        "header",
        element("h1", story.node, " ", element("span", story.verb)),
        element("span", story.ending.value, class_=f"ending {mood}"),
    )


def _facts(story: RunStory) -> Markup:
    ramdisk = story.versions.get("ramdisk") or {}
    facts = {
        "began": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(story.began)),
        "took": duration(story.seconds),
        "resumed": f"{story.resumes} ×" if story.resumes else "",
        "run": story.run,
        "bmctl": story.versions.get("bmctl", ""),
        "agent": story.versions.get("agent", ""),
        "ramdisk": f"{ramdisk['name']} ({ramdisk['digest'][:12]})" if ramdisk else "",
    }
    shown = (
        element("div", element("dt", name), element("dd", str(value)))
        for name, value in facts.items()
        if value
    )
    return element("dl", *shown, class_="facts")


def _plan(story: RunStory) -> str:
    plan = story.versions.get("plan")
    return f" of plan {plan}" if plan else ""


def _error(story: RunStory) -> Markup | None:
    if not story.error:
        return None
    hint = element("p", f"Next: {story.hint}") if story.hint else None
    return element("div", element("p", story.error), hint, class_="error", role="note")


def _warning(text: str) -> Markup:
    return element("div", element("p", text), class_="warning", role="note")


# -- where the time went ---------------------------------------------------------------------------


def _shares(story: RunStory) -> Markup:
    """How long each kind of work took, as a strip and as its key, which names the colours of the drawing."""
    shares = [(worker.value, label, story.seconds_of(worker)) for worker, label in _WORKERS.items()]
    rest = story.seconds - sum(seconds for _, _, seconds in shares)
    shares.append(("between", "between tasks", max(0.0, rest)))
    total = sum(seconds for _, _, seconds in shares) or 1.0
    shown = [share for share in shares if share[2] > 0 or share[0] != "between"]
    strip = (
        element("div", class_=kind, style=f"flex: {seconds / total:.4f}")
        for kind, _, seconds in shown
        if seconds > 0
    )
    key = (
        element(
            "li",
            element("i", class_=kind),
            element("span", label),
            element("small", f"{duration(seconds)} ({100 * seconds / total:.0f} %)"),
        )
        for kind, label, seconds in shown
    )
    return element(
        "div", element("div", *strip, class_="strip"), element("ul", *key, class_="key"), class_="shares card"
    )


# -- the same in words -----------------------------------------------------------------------------


def _tasks(story: RunStory) -> Markup:
    heads = (("task", None), ("part of", None), ("at", "number"), ("took", "number"), ("outcome", None))
    return _table("tasks", heads, (_task(story, task) for task in story.tasks))


def _task(story: RunStory, task: TaskStory) -> Markup:
    at = clock_time(task.tries[0].began - story.began) if task.tries else ""
    took = duration(task.seconds) if task.seconds is not None else ""
    origin = "" if task.origin == "core" else f" (from {task.origin})"
    tries = f" at the {_ordinal(len(task.tries))} try" if len(task.tries) > 1 else ""
    details = [
        element("small", text)
        for text in (
            task.error,
            f"next: {task.hint}" if task.hint else None,
            *(f"seen: {subject} {what}" for subject, what in task.evidence.items()),
        )
        if text
    ]
    bad = "bad" if task.ending not in {Ending.DONE, Ending.RUNNING, Ending.NOT_BEGUN} else None
    return element(
        "tr",
        element("th", task.title, element("small", task.key), scope="row"),
        element("td", element("i", class_=task.worker.value), f"{task.part_of}{origin}"),
        element("td", at, class_="number"),
        element("td", took, class_="number"),
        element("td", element("span", f"{task.ending.value}{tries}", class_=bad), *details),
    )


def _fetches(story: RunStory) -> Iterator[Markup]:
    if not story.fetches:
        return
    yield element("h2", "Files fetched")
    heads = (
        ("file", None),
        ("by", None),
        ("at", "number"),
        ("took", "number"),
        ("bytes", "number"),
        ("rate", "number"),
        ("outcome", None),
    )
    rows = (
        element(
            "tr",
            element("th", fetch.kind, element("small", fetch.name), scope="row"),
            element("td", f"{fetch.who} {fetch.client}"),
            element("td", clock_time(fetch.began - story.began), class_="number"),
            element("td", duration(fetch.seconds), class_="number"),
            element("td", size(fetch.sent), class_="number"),
            element("td", f"{size(fetch.rate)}/s" if fetch.rate else "", class_="number"),
            element(
                "td",
                f"{fetch.outcome} ({fetch.status})",
                element("small", f"{fetch.requests} requests") if fetch.requests > 1 else None,
                *(element("small", f"{part} {size(count)}") for part, count in fetch.told_parts),
            ),
        )
        for fetch in story.fetches
    )
    yield _table("files fetched", heads, rows)


def _notes(story: RunStory) -> Iterator[Markup]:
    if not story.notes:
        return
    yield element("h2", "Notes")
    rows = (
        element(
            "tr",
            element("th", note.text, scope="row"),
            element("td", note.task),
            element("td", clock_time(note.at - story.began), class_="number"),
        )
        for note in story.notes
    )
    yield _table("notes", (("what", None), ("task", None), ("at", "number")), rows)


def _table(called: str, heads: tuple[tuple[str, str | None], ...], rows: Iterator[Markup]) -> Markup:
    head = element("tr", *(element("th", name, class_=kind, scope="col") for name, kind in heads))
    table = element("table", element("thead", head), element("tbody", *rows))
    return _scrollable(table, class_="table card", called=called)


def _scrollable(content: Markup, *, class_: str, called: str) -> Markup:
    """A part that may be wider than the screen: a keyboard can reach and scroll it."""
    return element("div", content, class_=class_, tabindex=0, role="region", aria_label=called)


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if 10 <= number % 100 <= 20 else endings.get(number % 10, "th")
    return f"{number}{ending}"
