"""Boot media as files."""

from __future__ import annotations

import stat
import subprocess

import pytest


@pytest.fixture(autouse=True)
def _ramdisk(with_ramdisk):
    with_ramdisk()


def test_two_builds_are_equal(place):
    for name in ("a.iso", "b.iso"):
        done = place.run("media", "build", "n1", "-o", name, "--timestamp", "1750000000")
        assert done.returncode == 0, done.stderr
    first, second = ((place.path / name).read_bytes() for name in ("a.iso", "b.iso"))
    assert first == second


def test_the_medium_is_for_its_owner_alone(place):
    place.run("media", "build", "n1", "-o", "n1.iso")
    kept = next((place.path / "state" / "media").iterdir())
    for file in (place.path / "n1.iso", kept):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_new_keys_make_another_medium(place):
    for name, more in (("a.iso", ()), ("b.iso", ("--new-keys",))):
        place.run("media", "build", "n1", "-o", name, "--timestamp", "1750000000", *more)
    assert (place.path / "a.iso").read_bytes() != (place.path / "b.iso").read_bytes()


@pytest.mark.peer
def test_others_can_read_the_medium(place):
    place.run("media", "build", "n1", "-o", "n1.iso")
    seen = subprocess.run(
        ["blkid", "-o", "value", "-s", "LABEL", place.path / "n1.iso"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == "config-2"


def test_an_unknown_node_is_named(place):
    done = place.run("media", "build", "n9", "-o", "n9.iso")
    assert done.returncode == 3
    assert not (place.path / "n9.iso").exists()
