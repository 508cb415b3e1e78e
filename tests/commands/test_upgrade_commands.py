"""`bmctl upgrade-check` and `bmctl upgrade`, as an operator types them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "upgrade"))  # for the states of earlier releases
from old_states import contents, lay_out


@pytest.fixture
def old(place):
    """A directory with an inventory and the state that the first release left."""
    lay_out("state-1", place.path / "state")
    return place


def state_of(place) -> dict[str, bytes]:
    return contents(place.path / "state")


def test_a_good_site_has_no_failure(place, with_ramdisk: Callable[[], None]):
    with_ramdisk()
    done = place.run("upgrade-check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "| Upgrade Check Results " in done.stdout
    assert "Result: Failure" not in done.stdout
    assert len({len(line) for line in done.stdout.splitlines()}) == 1


def test_the_exit_code_is_that_of_the_worst_finding(place):
    assert place.run("upgrade-check", "--only", "tls").returncode == 0
    place.write("inventory.yaml", (place.path / "inventory.yaml").read_text() + "    boot_mode: bios\n")
    assert place.run("upgrade-check", "--only", "tls", "--only", "boot-mode").returncode == 1
    done = place.run("upgrade-check", "--only", "boot-mode", "--only", "ramdisks", "--json")
    assert done.returncode == 2
    missing, legacy = json.loads(done.stdout)["checks"]
    assert (missing["check"], missing["result"]) == ("ramdisks", "failure")
    assert legacy["findings"] == [
        {
            "level": "warning",
            "text": "legacy BIOS: no Secure Boot, and vendors are dropping it",
            "node": "n2",
            "place": "inventory.yaml:11:16",
            "remedy": "move it to boot_mode: uefi with an image that has an EFI system partition",
        }
    ]


def test_both_names_are_one_command(old):
    one, other = (
        old.run(*words, "--only", "held", "--json") for words in (["upgrade-check"], ["upgrade", "check"])
    )
    assert one.returncode == other.returncode == 1
    assert one.stdout == other.stdout


def test_a_check_that_breaks_ends_with_255_and_is_named(old):
    """Locks that are no lock files break the check that reads them, and no other."""
    (old.path / "state/locks/nodes/n1.json").write_text("[]")
    done = old.run("upgrade-check", "--json")
    assert done.returncode == 255
    results = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert results["locks"]["result"] == "error"
    assert "n1.json cannot be read" in results["locks"]["details"]
    assert results["held"]["findings"][0]["node"] == "n4"


def test_checks_are_listed_and_unknown_ones_refused(place):
    listed = place.run("upgrade-check", "--list")
    assert listed.stdout.splitlines()[1].startswith("state-schema ")
    assert place.run("upgrade-check", "--only", "lock").stderr.startswith(
        'error: there is no check "lock", did you mean "locks"?'
    )


@pytest.mark.parametrize("words", [("node", "list"), ("deploy", "n1")])
def test_commands_refuse_an_old_state_and_touch_nothing(old, words):
    before = state_of(old)
    done = old.run(*words)
    assert done.returncode == 3
    assert "has schema 1" in done.stderr
    assert "hint: see what would change and change it: bmctl upgrade --fix" in done.stderr
    assert state_of(old) == before


def test_the_way_there_and_back(old):
    before = state_of(old)
    planned = old.run("upgrade", "--fix", "--dry-run")
    assert planned.returncode == 0
    assert '-      "steps": {' in planned.stdout
    assert "schema 1 becomes 2" in planned.stderr
    asked = old.run("upgrade", "--fix")
    assert (asked.returncode, "say --yes" in asked.stderr) == (2, True)
    assert state_of(old) == before

    done = old.run("upgrade", "--fix", "--yes")
    assert done.returncode == 0, done.stderr
    assert old.run("node", "list").returncode == 0

    back = old.run("upgrade", "--rollback", "--yes")
    assert back.returncode == 0, back.stderr
    assert state_of(old) == before


def test_taking_back_what_was_used_since_is_refused_with_what_would_be_lost(old):
    assert old.run("upgrade", "--fix", "--yes").returncode == 0
    assert old.run("enroll", "n1").returncode == 0
    done = old.run("upgrade", "--rollback")
    assert done.returncode == 4
    assert "would be lost: nodes/n1.json has changed since" in done.stderr
    assert "hint: if that is meant: bmctl upgrade --rollback --yes" in done.stderr
    facts = json.loads(old.run("upgrade", "--rollback", "--yes", "--json").stdout)
    assert facts["done"]
    assert json.loads((old.path / "state/schema.json").read_text()) == {"schema": 1}


def test_what_was_cut_off_is_finished_first(old):
    planned = json.loads(old.run("upgrade", "--fix", "--yes", "--json").stdout)
    name = Path(planned["kept_in"]).stem
    (old.path / "state/schema.json").write_text(json.dumps({"schema": 2, "pending": name}))
    done = old.run("upgrade", "--fix", "--yes")
    assert f"finished {name}, which was cut off" in done.stderr
    assert "nothing to do" in done.stderr


def test_one_thing_must_be_asked_for(place):
    for words in ((), ("--fix", "check")):
        done = place.run("upgrade", *words)
        assert (done.returncode, done.stdout) == (2, "")
