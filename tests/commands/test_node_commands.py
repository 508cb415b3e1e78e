"""Commands about nodes, on machines in memory: the fake driver is part of the product."""

from __future__ import annotations

import json


def test_enroll_records_what_the_controller_says(place):
    done = place.run("enroll", "--no-dns")
    assert done.returncode == 0, done.stderr
    assert "n1: available" in done.stdout
    shown = json.loads(place.run("node", "show", "n1", "--json").stdout)
    assert shown["provision_state"] == "available"
    assert shown["description"]["protocol"] == "fake"


def test_enroll_goes_on_after_one_that_fails(place):
    text = (place.path / "inventory.yaml").read_text()
    place.write("inventory.yaml", text.replace("power.set:unreachable:9", "session.open:unreachable:9"))
    done = place.run("enroll", "--no-dns", "--json")
    assert done.returncode == 7
    found = {one["node"]: one for one in json.loads(done.stdout)}
    assert found["n1"]["ok"]
    assert not found["n2"]["ok"]
    assert found["n2"]["error"]


def test_power_verbs(place):
    assert place.run("power", "status", "n1").stdout == "n1: off\n"
    assert place.run("power", "on", "n1").stdout == "n1: on\n"
    failed = place.run("power", "on", "n1", "n2")
    assert failed.returncode == 7
    assert failed.stderr.startswith("error: n2: ")
    assert place.run("power", "on", "n2").returncode == 5


def test_groups_and_patterns_choose_nodes(place):
    assert "n2" not in place.run("node", "list", "-g", "left").stdout
    assert "n1" in place.run("node", "list", "n*").stdout
    unknown = place.run("node", "list", "-g", "lefft")
    assert unknown.returncode == 3
    assert 'did you mean "left"?' in unknown.stderr


def test_plan_says_what_where_and_why(place):
    done = place.run("plan", "n1")
    assert done.returncode == 0, done.stderr
    for said in ("virtual-media in uefi mode", "192.0.2.11/24", "image.raw", "everything on it is lost"):
        assert said in done.stdout
    plan = json.loads(place.run("plan", "n1", "--json").stdout)[0]
    core = list(dict.fromkeys(task["part_of"] for task in plan["tasks"]))
    assert core == [
        "checks",
        "deploy.deploy",
        "deploy.write_image",
        "deploy.prepare_instance_boot",
        "deploy.tear_down_agent",
        "deploy.boot_instance",
    ]
    assert all(task["reason"] for task in plan["tasks"])


def test_planning_touches_nothing(place):
    place.run("plan", "n1")
    assert not (place.path / "state").exists()


def test_plan_needs_an_image(place):
    done = place.run("plan", "n2")
    assert done.returncode == 3
    assert "no image is named for this node" in done.stderr


def test_deploy_without_a_ramdisk_says_how_to_get_one(place):
    done = place.run("deploy", "n1")
    assert done.returncode != 0
    assert "hint: run: bmctl ramdisk build" in done.stderr


def test_a_missing_image_stops_all_before_any_machine_is_touched(place, with_ramdisk):
    with_ramdisk()
    done = place.run("deploy", "n1")
    assert done.returncode == 3
    assert "image.raw" in done.stderr
    assert place.run("power", "status", "n1").stdout == "n1: off\n"
    assert json.loads(place.run("node", "list", "--json").stdout)[0]["held_by"] is None


def test_deploy_events_as_json(place, with_ramdisk):
    with_ramdisk()
    done = place.run("deploy", "n1", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["kind"] == "outcome"
    assert not events[-1]["ok"]
    assert {event["node"] for event in events} == {"n1"}


def test_nothing_to_resume(place):
    done = place.run("resume")
    assert done.returncode == 0
    assert "no unfinished run" in done.stderr
    assert place.run("resume", "n1").returncode == 3
