"""What every command line promises: help, completion, exit codes, lightness."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "aiohttp",
    "cryptography",
    "dns",
    "pycdlib",
    "pydantic",
    "pyghmi",
    "requests",
    "rich",
    "sushy",
    "tinydb",
    "yaml",
)


def test_help_lists_the_commands(empty):
    done = empty.run("--help")
    assert done.returncode == 0
    for name in ("enroll", "plan", "deploy", "resume", "node", "power", "media", "ramdisk", "lab", "doctor"):
        assert f"\n  {name} " in done.stdout
    assert done.stderr == ""


def test_help_imports_no_driver_library():
    """Start-up stays light: what a command does not need is not loaded."""
    script = (
        "import sys\n"
        "from bmctl.commands.main import run\n"
        "run(['--help'])\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_runs_as_a_module(empty):
    done = subprocess.run(
        [sys.executable, "-m", "bmctl", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == empty.run("--version").stdout == empty.run_installed("--version").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("depoly",), 'there is no command "depoly", did you mean "deploy"?'),
        (("deploy", "--foo"), "no such option"),
        (("deploy",), "name the nodes to deploy, or say --all"),
        (("power", "off"), "name the nodes"),
    ],
)
def test_a_wrong_command_line_ends_with_2(place, arguments, said):
    done = place.run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "hint: see bmctl" in done.stderr
    assert done.stdout == ""


def test_no_inventory_ends_with_3(empty):
    done = empty.run_installed("node", "list")
    assert done.returncode == 3
    assert "there is no inventory.yaml" in done.stderr


@pytest.mark.parametrize("way", ["before", "after", "environment"])
def test_the_inventory_is_named_in_three_ways(place, way):
    (place.path / "inventory.yaml").rename(place.path / "other.yaml")
    arguments = {
        "before": ("-i", "other.yaml", "node", "list"),
        "after": ("node", "list", "-i", "other.yaml"),
        "environment": ("node", "list"),
    }[way]
    environment = {"BMCTL_INVENTORY": "other.yaml"} if way == "environment" else {}
    done = place.run(*arguments, **environment)
    assert done.returncode == 0, done.stderr
    assert "n1" in done.stdout


def test_the_command_line_beats_the_environment(place):
    done = place.run("-i", "inventory.yaml", "node", "list", BMCTL_INVENTORY="missing.yaml")
    assert done.returncode == 0, done.stderr


def test_every_mistake_of_the_inventory_is_shown_at_once(place):
    place.write(
        "inventory.yaml",
        "nodes:\n"
        "  - name: n1\n"
        "    bmc: {adress: https://192.0.2.1}\n"
        "    network: {mac: nonsense, address: 192.0.2.11/24}\n",
    )
    done = place.run("deploy", "n1")
    assert done.returncode == 3
    assert 'inventory.yaml:3:11: nodes[0].bmc.adress: unknown key, did you mean "address"?' in done.stderr
    assert "nodes[0].network.mac" in done.stderr
    assert "nothing was touched" in done.stderr


def test_inventory_check_as_json(place):
    place.write("inventory.yaml", "nodes:\n  - nam: n1\n")
    done = place.run("inventory", "check", "--json")
    assert done.returncode == 3
    problems = json.loads(done.stdout)
    assert {"line", "column", "key", "message", "level", "file"} <= set(problems[0])


def test_schema_is_json_schema(empty):
    done = empty.run("schema")
    assert json.loads(done.stdout)["$schema"].startswith("https://json-schema.org/draft/2020-12")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(empty, shell):
    done = empty.run("completion", shell)
    assert done.returncode == 0
    assert "_BMCTL_COMPLETE" in done.stdout


def test_node_names_complete(place):
    done = place.run(_BMCTL_COMPLETE="bash_complete", COMP_WORDS="bmctl deploy n", COMP_CWORD="2")
    assert done.stdout.split() == ["plain,n1", "plain,n2"]


def test_completion_is_silent_without_an_inventory(empty):
    done = empty.run(_BMCTL_COMPLETE="bash_complete", COMP_WORDS="bmctl deploy n", COMP_CWORD="2")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_no_colour_where_it_is_not_wanted(place):
    assert "\x1b[" not in place.run("node", "list").stdout
    assert "\x1b[" not in place.run("deploy", "n9", NO_COLOR="1").stderr
