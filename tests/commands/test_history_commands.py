"""`bmctl node history` and `bmctl report`, as somebody uses them who wants to know what became of a run."""

from __future__ import annotations

import json
import stat
import tarfile

import pytest


@pytest.fixture
def after_a_run(place, with_ramdisk):
    """A place where a deploy of n1 was tried: its image is not there."""
    with_ramdisk()
    assert place.run("deploy", "n1").returncode == 3
    return place


def test_a_node_without_runs_says_so(place):
    done = place.run("node", "history", "n1")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing was ever run" in done.stderr
    assert place.run("report", "n1").returncode == 3


def test_every_run_is_listed_and_every_step_of_one(after_a_run):
    listed = json.loads(after_a_run.run("node", "history", "n1", "--json").stdout)
    assert [(run["verb"], run["outcome"]) for run in listed] == [("deploy", "failed")]
    assert "there is no file" in listed[0]["error"]
    told = after_a_run.run("node", "history", "n1", "--run", listed[0]["run"])
    assert told.returncode == 0
    first, second = told.stdout.split("\nSTEP")[1].splitlines()[1:3]
    assert first.split()[0] == "image.check"
    assert "failed" in first
    assert second.split() == ["controller.check", "not", "begun"]
    whole = json.loads(after_a_run.run("node", "history", "n1", "--run", "last", "--json").stdout)
    assert whole["tasks"][0]["part_of"] == "checks"


def test_a_node_that_left_the_inventory_keeps_its_history(after_a_run):
    text = (after_a_run.path / "inventory.yaml").read_text()
    after_a_run.write("inventory.yaml", text.replace("name: n1", "name: n3"))
    assert "failed" in after_a_run.run("node", "history", "n1").stdout
    unknown = after_a_run.run("node", "history", "n9")
    assert unknown.returncode == 3
    assert 'no node "n9"' in unknown.stderr


def test_a_report_is_one_private_file_that_says_what_is_in_it(after_a_run):
    done = after_a_run.run("report", "n1", "--json")
    assert done.returncode == 0, done.stderr
    path = after_a_run.path / json.loads(done.stdout)["file"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
        readme = archive.extractfile(archive.getmembers()[0]).read().decode()
    assert {"README.txt", "timeline.html", "inventory.json", "node.json", "plan.json"} <= set(names)
    assert "Report of n1: deploy, failed" in readme


def test_the_timeline_alone_is_a_page(after_a_run):
    done = after_a_run.run("report", "n1", "--html", "n1.html")
    assert done.returncode == 0, done.stderr
    page = (after_a_run.path / "n1.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "check the image" in page
    assert list(after_a_run.path.glob("*.tar.gz")) == []
    assert after_a_run.run("report", "n1", "--html", "n1.html", "-o", "n1.tar.gz").returncode == 2
