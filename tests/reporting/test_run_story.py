"""What a run's folder tells of it, however the run went."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from bmctl.errors import BmctlError, InvalidError
from bmctl.model.event import EventKind
from bmctl.reporting.node_history import node_stories, run_ids, story_of
from bmctl.reporting.run_story import read_story
from bmctl.reporting.story import Ending, Worker
from bmctl.reporting.worker import worker_of
from bmctl.steps import STEPS
from bmctl.store.filestore import open_store
from bmctl.store.history import HistoryEntry, remember_run
from bmctl.store.marks import Mark
from bmctl.store.record import update_node


def endings(story) -> dict[str, list[str]]:
    return {task.key: [one.ending.value for one in task.tries] for task in story.tasks}


def test_a_run_that_was_done(run):
    run.start()
    run.task("image.check", 2.0, "check the image")
    run.task("agent.wait", 60.0, "wait for the agent")
    run.record.put("agent", {"version": "13.0.0", "started_at": 1.0})
    run.end()
    story = run.story()
    assert (story.node, story.verb, story.ending, story.error) == ("n1", "deploy", Ending.DONE, None)
    assert story.seconds == pytest.approx(62.0, abs=0.05)
    assert [(task.title, task.seconds) for task in story.tasks] == [
        ("check the image", pytest.approx(2.0)),
        ("wait for the agent", pytest.approx(60.0)),
    ]
    assert story.versions["bmctl"] == "0.1.0"
    assert story.versions["agent"] == "13.0.0"
    assert story.versions["plan"] == "0123456789abcdef"


def test_a_failed_task_tells_what_was_seen_and_what_to_try(run):
    run.start()
    run.begin("media.attach", "insert the boot medium")
    run.now += 5
    error = "insert the boot medium: no answer (seen: power off)"
    run.fail("media.attach", error, "look at the cable", power="off")
    run.end("failed", error)
    story = run.story()
    (task,) = story.tasks
    assert (story.ending, story.error, story.hint) == (Ending.FAILED, error, "look at the cable")
    assert (task.ending, task.error, dict(task.evidence)) == (Ending.FAILED, error, {"power": "off"})


@pytest.mark.parametrize("outcome", ["interrupted", "held", "aborted"])
def test_what_was_under_way_ends_as_the_run_does(run, outcome):
    run.start()
    run.begin("agent.wait")
    run.now += 7
    run.end(outcome, "so it was")
    story = run.story()
    assert story.ending == outcome
    assert endings(story) == {"agent.wait": [outcome]}
    assert story.tasks[0].seconds == pytest.approx(7, abs=0.05)


def test_a_process_that_was_killed_leaves_a_run_that_is_cut_off(run):
    run.start()
    run.begin("deploy.write_image", "write the image")
    run.now += 30
    run.tell(EventKind.PROGRESS, "deploy.write_image", "writing the image")
    run.die()
    story = run.story()
    assert story.ending is Ending.CUT_OFF
    assert story.error == "write the image: the process ended in the middle of it"
    assert endings(story) == {"deploy.write_image": ["cut off"]}
    assert story.tasks[0].seconds == pytest.approx(30, abs=0.05)


def test_the_same_signs_are_of_a_run_that_is_under_way_while_its_process_lives(run):
    run.start()
    began = run.now
    run.begin("agent.wait")
    run.now += 30
    run.tell(EventKind.PROGRESS, "agent.wait", "no answer at all")
    run.die()
    assert run.story(busy_since=began - 1).ending is Ending.RUNNING
    assert run.story(busy_since=began - 1).ended is None
    assert run.story(busy_since=run.now + 1).ending is Ending.CUT_OFF, "held by another command"


@pytest.mark.parametrize("versions", [True, False], ids=["now", "before versions were kept"])
def test_the_time_between_two_processes_is_no_work(run, versions):
    run.start(versions=versions)
    run.task("image.check", 1.0)
    run.begin("deploy.write_image")
    run.now += 10
    run.tell(EventKind.PROGRESS, "deploy.write_image")
    run.die()
    run.now += 3600
    run.start(versions=versions)
    run.task("deploy.write_image", 20.0)
    run.end()
    story = run.story()
    assert story.resumes == 1
    assert story.seconds == pytest.approx(31, abs=0.05)
    assert endings(story) == {"image.check": ["done"], "deploy.write_image": ["cut off", "done"]}
    assert story.tasks[1].seconds == pytest.approx(30, abs=0.05)


def test_a_run_that_was_interrupted_can_be_done_at_last(run):
    run.start()
    run.begin("agent.wait")
    run.now += 5
    run.end("interrupted", "interrupted")
    run.now += 60
    run.start()
    run.task("agent.wait", 5.0)
    run.end()
    assert run.story().ending is Ending.DONE
    assert run.story().error is None
    assert endings(run.story()) == {"agent.wait": ["interrupted", "done"]}


def test_a_held_run_that_is_aborted_later_was_not_at_work_meanwhile(run):
    run.start()
    run.task("image.check", 10.0)
    run.end("held", "held before the image is written")
    run.now += 7200
    run.start(planned=False, versions=False)
    run.end("aborted", "aborted by an operator")
    story = run.story()
    assert (story.ending, story.error) == (Ending.ABORTED, "aborted by an operator")
    assert story.seconds == pytest.approx(10, abs=0.1)


def test_what_is_taken_back_was_done_once(run):
    run.start()
    run.task("power.power_on", 1.0)
    run.die()
    run.start()
    run.record.mark("power.power_on", Mark.UNDONE)
    run.task("power.power_on", 1.0)
    run.end()
    assert endings(run.story()) == {"power.power_on": ["taken back", "done"]}


def test_the_plan_says_where_tasks_stand_and_which_were_not_begun(run):
    run.folder.keep_plan(
        {
            "tasks": [
                {"task": "image.check", "part_of": "checks", "origin": "core", "reason": "why"},
                {"task": "deploy.write_image", "part_of": "deploy.write_image", "origin": "core"},
                {"task": "deploy.boot_instance", "part_of": "deploy.boot_instance", "origin": "core"},
            ]
        }
    )
    run.start()
    run.task("image.check", 1.0)
    run.task("agent.run_step:raid.apply", 1.0, "apply", part_of="raid.apply", origin="agent")
    run.task("deploy.write_image", 1.0)
    run.end("failed", "no")
    story = run.story()
    assert [(task.key, task.part_of, task.origin) for task in story.tasks] == [
        ("image.check", "checks", "core"),
        ("agent.run_step:raid.apply", "raid.apply", "agent"),
        ("deploy.write_image", "deploy.write_image", "core"),
        ("deploy.boot_instance", "deploy.boot_instance", "core"),
    ]
    assert story.tasks[-1].ending is Ending.NOT_BEGUN
    assert story.tasks[-1].title == STEPS["deploy.boot_instance"].title


def test_a_run_without_events_is_told_from_its_journal_alone(run):
    run.start()
    run.task("image.check", 2.0)
    run.end()
    (run.folder.path / "events.jsonl").unlink()
    story = run.story()
    assert (story.ending, endings(story)) == (Ending.DONE, {"image.check": ["done"]})
    assert story.tasks[0].title == STEPS["image.check"].title


def test_warnings_notes_and_fetches_are_told(run):
    run.start()
    run.tell(EventKind.WARNING, "media.attach", "the drive is slow")
    run.tell(EventKind.NOTE, "agent.verify_machine", "the image goes to /dev/vda")
    run.fetch(2.0, 2**21, parts={"kernel": 2**20, "loader": 2**20})
    run.end()
    story = run.story()
    assert [remark.text for remark in story.warnings] == ["the drive is slow"]
    assert [remark.text for remark in story.notes] == ["the image goes to /dev/vda"]
    assert [(fetch.who, fetch.rate) for fetch in story.fetches] == [("controller", 2**20)]


def test_a_fetch_whose_end_nobody_saw_broke_off(run):
    run.start()
    run.begin("deploy.write_image")
    run.fetch(9.0, 2**21, who="machine", outcome="running")
    run.now += 10
    run.tell(EventKind.PROGRESS, "deploy.write_image")
    run.die()
    assert [fetch.outcome for fetch in run.story(busy_since=run.now - 60).fetches] == ["running"]
    assert [fetch.outcome for fetch in run.story().fetches] == ["cut off"]


def test_the_story_is_json(run):
    run.start()
    run.task("image.check", 1.0)
    run.fetch(2.0, 2**21)
    run.end()
    plain = json.loads(json.dumps(run.story().to_json()))
    assert plain["tasks"][0]["outcome"] == "done"
    assert plain["tasks"][0]["tries"][0]["outcome"] == "done"
    assert plain["outcome"] == "done"
    assert plain["resumes"] == 0


@pytest.mark.parametrize("which", ["journal.jsonl", "events.jsonl"])
def test_files_cut_anywhere_tell_a_beginning_of_the_same_story(run, which):
    run.start()
    for number in range(4):
        run.task(f"agent.run_step:step{number}", 1.0)
    run.end()
    whole = run.story()
    path = run.folder.path / which
    content = path.read_bytes()
    for length in range(content.index(b"\n") + 1, len(content), 7):
        path.write_bytes(content[:length])
        part = run.story()
        assert [task.key for task in part.tasks] == [task.key for task in whole.tasks][: len(part.tasks)]
        assert part.began == pytest.approx(whole.began, abs=0.05)


# -- the runs of a node ------------------------------------------------------------------------------


def test_a_run_that_ended_before_it_began_is_in_the_history_too(directory):
    entry = HistoryEntry(run="20260314T150926Z-000001", verb="clean", began=5.0)
    directory.create_run(entry.run)
    remember_run(directory, "n1", entry)
    (story,) = node_stories(directory, open_store(directory.root), "n1")
    assert (story.node, story.verb, story.ending) == ("n1", "clean", Ending.CUT_OFF)
    assert "before it began" in (story.error or "")


def test_a_run_whose_folder_was_deleted_is_still_named(directory, run):
    run.start()
    run.end()
    shutil.rmtree(run.folder.path)
    (story,) = node_stories(directory, open_store(directory.root), "n1")
    assert (story.run, story.verb, story.ending) == (run.run, "deploy", Ending.FORGOTTEN)
    assert "its folder is gone" in (story.error or "")
    directory.history_path("n1").unlink()
    store = open_store(directory.root)
    update_node(store, "n1", lambda record: replace(record, run_id=run.run))
    (story,) = node_stories(directory, store, "n1")
    assert (story.ending, story.began) == (Ending.FORGOTTEN, 1_773_500_966)


def test_runs_of_before_the_history_are_found_by_the_record(directory, new_run):
    first, second, third = new_run(), new_run(), new_run()
    for one in (first, second, third):
        one.start()
        one.end()
    directory.history_path("n1").unlink()
    store = open_store(directory.root)
    update_node(
        store, "n1", lambda record: replace(record, run_id=third.run, history=(first.run, second.run))
    )
    new_run().start()
    assert len(run_ids(directory, store, "n1")) == 4
    assert [story.run for story in node_stories(directory, store, "n1", limit=2)][1] == third.run


def test_the_last_run_is_told_where_none_is_named(directory, new_run):
    for outcome in ("done", "failed"):
        run = new_run()
        run.start()
        run.end(outcome)
    assert story_of(directory, open_store(directory.root), "n1", None).ending is Ending.FAILED


def test_the_run_of_another_node_is_refused(directory, new_run):
    store = open_store(directory.root)
    with pytest.raises(InvalidError, match="nothing was ever run"):
        story_of(directory, store, "n1", None)
    new_run("n1").start()
    other = new_run("n2")
    other.start()
    with pytest.raises(InvalidError, match="is no run of this node"):
        story_of(directory, store, "n1", other.run)


def test_a_damaged_run_hides_no_other(directory, new_run):
    good, bad = new_run(), new_run()
    for one in (good, bad):
        one.start()
        one.task("image.check", 1.0)
        one.end()
    path = bad.folder.journal_path
    path.write_bytes(path.read_bytes().replace(b'"mark"', b"\x00mark\x00", 1))
    with pytest.raises(BmctlError, match="damaged"):
        read_story(bad.folder.path)
    stories = node_stories(directory, open_store(directory.root), "n1")
    assert [(story.run, story.ending) for story in stories] == [(bad.run, "cut off"), (good.run, "done")]
    assert "damaged" in (stories[0].error or "")


# -- whose work it is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "worker"),
    [
        ("image.check", Worker.BMCTL),
        ("media.build", Worker.BMCTL),
        ("media.attach", Worker.CONTROLLER),
        ("power.power_on:firmware.update#2", Worker.CONTROLLER),
        ("power.power_on@chassis", Worker.CONTROLLER),
        ("agent.wait", Worker.MACHINE),
        ("deploy.wait_for_instance", Worker.MACHINE),
        ("reserved.hold", Worker.MACHINE),
        ("agent.run_step:deploy.erase_devices", Worker.AGENT),
    ],
)
def test_whose_work_a_task_is(key, worker):
    assert worker_of(key) is worker
