"""The timeline page: whole by itself, well-formed, and as true in words as in its drawing."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.model.event import EventKind
from bmctl.reporting.axis import make_axis
from bmctl.reporting.story import Ending, RunStory, Sitting, TaskStory, Try, Worker
from bmctl.reporting.timeline import timeline_page
from bmctl.store.fetch_log import FetchNote

VOID = {"meta", "br"}


class Nesting(HTMLParser):
    """Reads a page as a browser does, and fails where a tag is not closed by its own end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID, f"<{tag}/> is not closed in HTML"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parse(page: str) -> ET.Element:
    """The page's elements; it is read as HTML and as XML."""
    reader = Nesting()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def story_of(*tasks: TaskStory, **more) -> RunStory:
    values = {
        "run": "20260314T150926Z-6f2a1c",
        "node": "n1",
        "verb": "deploy",
        "began": 1000.0,
        "ended": 1100.0,
        "ending": Ending.DONE,
        "sittings": (Sitting(began=1000.0, ended=1100.0),),
        "tasks": tasks,
    }
    return RunStory(**{**values, **more})


@pytest.fixture
def eventful(run) -> RunStory:
    """A run that was killed, resumed and failed, and that served files."""
    run.start()
    run.task("image.check", 3.0, "check the image", part_of="checks")
    run.task("controller.check", 1.0, "check the controller", part_of="checks")
    run.fetch(1.5, 62 * 2**20, parts={"kernel": 8 * 2**20, "ramdisk": 54 * 2**20})
    run.task("media.attach", 2.0, "insert the boot medium", part_of="deploy.deploy")
    run.begin("deploy.write_image", "write the image", part_of="deploy.write_image")
    run.now += 20
    run.fetch(19.0, 2 * 2**30, who="machine", outcome="running", began=run.now - 19.5)
    run.tell(EventKind.PROGRESS, "deploy.write_image")
    run.die()
    run.now += 7200
    run.start()
    run.tell(EventKind.WARNING, "deploy.write_image", "the agent started anew")
    run.begin("deploy.write_image", "write the image", part_of="deploy.write_image")
    run.now += 9
    run.fail("deploy.write_image", "write the image: disk <sda> & co gave up", "replace it")
    run.end("failed", "write the image: disk <sda> & co gave up")
    return run.story()


def test_each_task_is_in_the_drawing_and_in_the_table(eventful):
    page = parse(timeline_page(eventful))
    drawn = {group.get("id") for group in page.iter("g")}
    rows = [words(row) for row in page.iter("tr")]
    for task in eventful.tasks:
        assert f"task-{task.key}" in drawn
        assert any(task.title in row and task.key in row for row in rows)


def test_nothing_is_fetched_and_nothing_runs(eventful):
    page = timeline_page(eventful)
    names = {element.tag for element in parse(page).iter()}
    attributes = {name for element in parse(page).iter() for name in element.attrib}
    assert not names & {"script", "link", "img", "iframe", "object", "image", "use", "a"}
    assert not attributes & {"src", "href", "onload", "onclick"}
    assert "http://" not in page
    assert "https://" not in page
    assert re.findall(r"url\((?!#)", page) == []
    assert "@import" not in page


def test_it_says_how_the_run_went(eventful):
    text = words(parse(timeline_page(eventful)))
    assert "disk <sda> & co gave up" in text
    assert "Next: replace it" in text
    assert "the agent started anew" in text
    assert "resumed after 2 h 0 min" in text
    assert "65.0 MB" in text, "the medium as it was fetched"
    assert "kernel 8.4 MB" in text


def test_a_reader_who_sees_no_drawing_is_told_of_it(eventful):
    (drawing,) = parse(timeline_page(eventful)).iter("svg")
    title, description = drawing.find("title"), drawing.find("desc")
    assert drawing.get("role") == "img"
    assert drawing.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert "4 tasks" in description.text
    assert "failed" in description.text


def test_light_and_dark_are_both_there(eventful):
    assert "prefers-color-scheme: dark" in timeline_page(eventful)


def test_tasks_of_one_core_step_stand_under_its_name(eventful):
    (drawing,) = parse(timeline_page(eventful)).iter("svg")
    headings = [words(text) for text in drawing.iter("text") if text.get("class") == "part"]
    assert headings == ["checks", "fetched"]


def test_a_run_that_has_hardly_begun_has_a_page():
    empty = story_of(ended=1000.0, sittings=(Sitting(began=1000.0, ended=1000.0),), ending=Ending.CUT_OFF)
    parse(timeline_page(empty))
    parse(timeline_page(story_of(sittings=())))


@pytest.mark.parametrize("count", [3, 300])
def test_rows_do_not_run_into_each_other(count):
    tasks = (
        TaskStory(
            key=f"agent.run_step:{number}",
            title=f"step {number}",
            part_of=f"part {number // 10}",
            worker=Worker.AGENT,
            tries=(Try(began=1000 + number / 4, ended=1000 + number / 3, ending=Ending.DONE),),
        )
        for number in range(count)
    )
    (drawing,) = parse(timeline_page(story_of(*tasks))).iter("svg")
    height = float(drawing.get("viewBox").split()[3])
    lines = [float(line.get("y1")) for line in drawing.iter("line") if line.get("class") == "rule"]
    assert lines == sorted(set(lines))
    assert lines[-1] < height
    assert min(after - before for before, after in itertools.pairwise(lines)) >= 15


ANY_TEXT = st.text(max_size=60)


@given(title=ANY_TEXT, error=ANY_TEXT, key=ANY_TEXT, name=ANY_TEXT, label=ANY_TEXT)
def test_whatever_a_machine_says_stays_text(title, error, key, name, label):
    task = TaskStory(
        key=key,
        title=title,
        part_of=key,
        worker=Worker.AGENT,
        tries=(Try(began=1000, ended=1010, ending=Ending.FAILED),),
        error=error,
        evidence={key: error},
    )
    fetch = FetchNote(
        who="machine",
        kind="image",
        name=name,
        client=name,
        method="GET",
        status=200,
        outcome="done",
        began=1001,
        seconds=1,
        sent=5,
        parts={label: 5},
    )
    parse(timeline_page(story_of(task, fetches=(fetch,), error=error, hint=error)))


SITTINGS = st.lists(
    st.tuples(st.floats(min_value=0, max_value=1e5), st.floats(min_value=0, max_value=1e6)),
    min_size=1,
    max_size=12,
)


@given(SITTINGS)
def test_time_goes_from_left_to_right_and_stays_inside(pieces):
    sittings, now = [], 1000.0
    for seconds, pause in pieces:
        sittings.append(Sitting(began=now, ended=now + seconds))
        now += seconds + pause
    axis = make_axis(tuple(sittings), left=100.0, right=900.0)
    moments = [at for sitting in sittings for at in (sitting.began, sitting.ended)]
    places = [axis.place(at) for at in moments]
    assert places == sorted(places)
    assert all(99.9 <= place <= 900.1 for place in places)
    ticks = axis.ticks()
    assert len(ticks) <= 40
    assert all(after.x - before.x >= 40 for before, after in itertools.pairwise(ticks))


def test_a_pause_takes_little_room_and_the_work_its_share():
    day = 86_400.0
    sittings = (Sitting(began=0, ended=100), Sitting(began=day, ended=day + 300))
    axis = make_axis(sittings, left=0.0, right=1000.0)
    (pause,) = axis.pauses
    assert pause.right - pause.left < 60
    assert (1000 - pause.right) / pause.left == pytest.approx(3)
