"""A deploy that is killed again and again is finished by `bmctl resume`, and writes its image once."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

pytestmark = pytest.mark.e2e

# The journal's fact of the command by which the agent writes the image.
COMMAND = "command deploy.write_image deploy deploy.write_image"


@pytest.fixture
def site(make_site, lab):
    return make_site(lab)


def kill_when(site, verb: str, task: str, mark: str = "started") -> None:
    """Run the verb for n1 with --json and kill it as soon as the journal has this new mark."""
    seen = len(site.facts())
    with site.start(verb, "n1", "--json") as running:
        running.wait_for(lambda: site.marked(task, mark, after=seen))
        running.kill()


def bytes_written(said: str) -> int:
    """How much of the image was sent to the agent, going by the events so far."""
    reached = 0
    for line in said.splitlines():
        with suppress(ValueError):  # the last line may not be whole yet
            event = json.loads(line)
            if event.get("task") == "deploy.write_image" and event["kind"] == "progress":
                reached = max(reached, int(event.get("done") or 0))
    return reached


def starts_of(site, task: str) -> int:
    return sum(fact.get("task") == task and fact.get("mark") == "started" for fact in site.facts())


def test_a_deploy_cut_off_everywhere_ends_deployed_with_one_write_of_a_whole_image(site):
    kill_when(site, "deploy", "media.build")
    site.set_faults({"match": "POST .*InsertMedia", "delay": 4})
    kill_when(site, "resume", "media.attach")
    site.set_faults()
    press_ctrl_c_while_booting(site)
    kill_when(site, "resume", "agent.wait")
    with site.start("resume", "n1", "--json") as running:
        running.wait_for(lambda: bytes_written(running.said()) > 0, 600)
        running.kill()
    kill_when(site, "resume", "deploy.write_image", "done")
    writes = starts_of(site, "deploy.write_image")
    commands = site.learnt(COMMAND)
    assert commands

    ended = site.run("resume", "n1", seconds=900)

    assert ended.code == 0, ended.err
    assert starts_of(site, "deploy.write_image") == writes
    assert site.learnt(COMMAND) == commands
    node = site.node("n1")
    assert node["provision_state"] == "active"
    assert node["held_by"] is None
    assert site.medium("n1") is None
    assert [path.name for path in (site.state / "runs").iterdir()] == [node["run"]]
    assert list(site.state.rglob("secrets.json")) == []
    address = site.lab.node("n1").address
    assert site.ssh(address, "hostname; sudo cloud-init query instance_id").split() == [
        "n1",
        node["instance_id"],
    ]
    nothing_is_left_to_resume(site)
    history_tells_of_every_process(site, node["run"])


def press_ctrl_c_while_booting(site) -> None:
    seen = len(site.facts())
    with site.start("resume", "n1") as running:
        running.wait_for(lambda: site.marked("agent.wait", "started", after=seen))
        running.interrupt()
        ended = running.end()
    assert ended.code == 130, ended.err
    assert "bmctl resume n1" in ended.err
    assert "Traceback" not in ended.err
    site.assert_released("n1")
    assert site.controller("n1")["Boot"]["BootSourceOverrideEnabled"] != "Once"


def nothing_is_left_to_resume(site) -> None:
    ended = site.run("resume")
    assert ended.code == 0
    assert "no unfinished run" in ended.err
    ended = site.run("resume", "n1")
    assert ended.code == 3
    assert "there is nothing to resume" in ended.err


def history_tells_of_every_process(site, run: str) -> None:
    told = json.loads(site.run("node", "history", "n1", "--run", run, "--json").out)
    assert (told["outcome"], told["resumes"]) == ("done", 6)
    (written,) = (task for task in told["tasks"] if task["key"] == "deploy.write_image")
    assert [one["outcome"] for one in written["tries"]][-1] == "done"
    media = [fetch for fetch in told["fetches"] if fetch["who"] == "controller"]
    assert any(fetch["parts"].get("kernel") for fetch in media)
    assert sum(fetch["sent"] for fetch in told["fetches"] if fetch["who"] == "machine") > 0
    assert site.run("report", "n1", "-o", "n1.tar.gz").code == 0
