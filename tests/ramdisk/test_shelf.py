"""Ramdisks kept in a cache directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bmctl.errors import BmctlError, InvalidError
from bmctl.ramdisk import shelf
from bmctl.ramdisk.record import Origin, digest_of


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path]:
    kernel, initramfs = tmp_path / "their-kernel", tmp_path / "their-initrd"
    kernel.write_bytes(b"kernel")
    initramfs.write_bytes(b"initramfs")
    return kernel, initramfs


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_an_empty_cache_says_how_to_get_a_ramdisk(cache: Path):
    with pytest.raises(BmctlError, match="no deploy ramdisk yet") as told:
        shelf.find(cache)
    assert told.value.hint == "run: bmctl ramdisk build"
    assert shelf.list_ramdisks(cache) == []


def test_a_foreign_ramdisk_outlives_its_originals(cache: Path, given: tuple[Path, Path]):
    kernel, initramfs = given
    taken = shelf.use(cache, name="theirs", kernel=kernel, initramfs=initramfs)
    kernel.write_bytes(b"changed")
    initramfs.unlink()
    found = shelf.find(cache, "theirs")
    assert found == taken
    assert (found.kernel.read_bytes(), found.initramfs.read_bytes()) == (b"kernel", b"initramfs")
    assert found.digest == digest_of(found.kernel, found.initramfs)
    assert (found.origin, found.agent_version) == (Origin.GIVEN, None)


def test_names_with_one_content_share_it_until_the_last_goes(cache: Path, given: tuple[Path, Path]):
    kernel, initramfs = given
    first = shelf.use(cache, name="a", kernel=kernel, initramfs=initramfs)
    second = shelf.use(cache, name="b", kernel=kernel, initramfs=initramfs)
    assert first.kernel == second.kernel
    shelf.remove(cache, "a")
    assert shelf.find(cache, "b").kernel.exists()
    shelf.remove(cache, "b")
    assert not second.kernel.exists()


def test_a_name_can_move_while_the_old_content_is_in_use(cache: Path, given: tuple[Path, Path]):
    kernel, initramfs = given
    old = shelf.use(cache, name="a", kernel=kernel, initramfs=initramfs)
    kernel.write_bytes(b"newer kernel")
    new = shelf.use(cache, name="a", kernel=kernel, initramfs=initramfs)
    assert shelf.find(cache, "a") == new
    assert old.kernel.read_bytes() == b"kernel"
    shelf.forget_unused(cache)
    assert old.kernel.exists()
    os.utime(old.kernel.parent, (1, 1))
    shelf.forget_unused(cache)
    assert not old.kernel.exists()
    assert new.kernel.exists()


def test_the_default_is_the_chosen_one_then_the_first(cache: Path, given: tuple[Path, Path]):
    kernel, initramfs = given
    for name in ("b", "a"):
        shelf.use(cache, name=name, kernel=kernel, initramfs=initramfs)
    assert shelf.find(cache).name == "a"
    shelf.choose(cache, "b")
    assert shelf.find(cache).name == "b"
    shelf.remove(cache, "b")
    assert shelf.find(cache).name == "a"


def test_an_unknown_name_lists_the_known_ones(cache: Path, given: tuple[Path, Path]):
    shelf.use(cache, name="theirs", kernel=given[0], initramfs=given[1])
    with pytest.raises(BmctlError, match="no ramdisk is called their") as told:
        shelf.find(cache, "their")
    assert told.value.hint == "known are: theirs"


@pytest.mark.parametrize("damage", ["record", "cut", "gone"])
def test_a_damaged_ramdisk_is_not_offered(cache: Path, given: tuple[Path, Path], damage: str):
    taken = shelf.use(cache, name="a", kernel=given[0], initramfs=given[1])
    match damage:
        case "record":
            (cache / "names/a.json").write_text("{")
        case "cut":
            taken.initramfs.write_bytes(b"init")
        case _:
            taken.kernel.unlink()
    assert shelf.list_ramdisks(cache) == []
    shelf.use(cache, name="a", kernel=given[0], initramfs=given[1])


@pytest.mark.parametrize("name", ["", "..", "../up", "with space", "x" * 64])
def test_names_are_checked(cache: Path, given: tuple[Path, Path], name: str):
    with pytest.raises(InvalidError, match="cannot name a ramdisk"):
        shelf.use(cache, name=name, kernel=given[0], initramfs=given[1])


def test_an_empty_file_is_refused(cache: Path, given: tuple[Path, Path]):
    given[1].write_bytes(b"")
    with pytest.raises(InvalidError, match="not a file with content"):
        shelf.use(cache, name="a", kernel=given[0], initramfs=given[1])


def test_nothing_is_left_beside_the_shelf(cache: Path, given: tuple[Path, Path]):
    shelf.use(cache, name="a", kernel=given[0], initramfs=given[1])
    assert list((cache / "scratch").iterdir()) == []
