"""The FAT image: what goes in comes out, as mtools and fsck read it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmctl.errors import BmctlError
from bmctl.media.esp import LARGEST_IMAGE, fat_image

NAMES = st.from_regex(r"[A-Z0-9_]{1,8}(\.[A-Z0-9]{1,3})?", fullmatch=True)
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join),
    st.one_of(st.binary(max_size=9000), st.integers(0, 400_000).map(lambda size: b"\x5a" * size)),
    min_size=1,
    max_size=12,
).filter(lambda files: not any(other.startswith(f"{path}/") for path in files for other in files))

needs_mtools = pytest.mark.skipif(
    shutil.which("mcopy") is None or shutil.which("fsck.fat") is None, reason="mtools or dosfstools missing"
)


def check_with_peers(image, files, directory):
    path = directory / "image.fat"
    path.write_bytes(image)
    checked = subprocess.run(["fsck.fat", "-n", path], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    for name, data in files.items():
        read = subprocess.run(["mcopy", "-i", path, f"::/{name}", "-"], capture_output=True, check=True)
        assert read.stdout == data


@needs_mtools
@pytest.mark.peer
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=TREES, timestamp=st.integers(0, 4_000_000_000))
def test_peers_read_what_was_written(files, timestamp, tmp_path):
    check_with_peers(fat_image(files, timestamp=timestamp), files, tmp_path)


@needs_mtools
@pytest.mark.peer
@pytest.mark.parametrize("size", [8_300_000, 8_366_000, 8_400_000, 20_000_000])
def test_both_kinds_of_table(size, tmp_path):
    files = {"EFI/BOOT/BOOTX64.EFI": b"\x01\x02\x03" * (size // 3), "EFI/BOOT/GRUB.CFG": b"x"}
    check_with_peers(fat_image(files, timestamp=0), files, tmp_path)


def test_many_entries_in_one_directory(tmp_path):
    files = {f"A/F{number}": bytes([number % 256]) for number in range(300)}
    image = fat_image(files, timestamp=0)
    if shutil.which("mcopy") and shutil.which("fsck.fat"):
        check_with_peers(image, dict(list(files.items())[::60]), tmp_path)


@settings(max_examples=30, deadline=None)
@given(files=TREES)
def test_order_does_not_matter(files):
    backwards = dict(reversed(files.items()))
    assert fat_image(files, timestamp=1) == fat_image(backwards, timestamp=1)


@pytest.mark.parametrize("name", ["toolongname", "a.html", "sp ace", "EFI//X", "ü"])
def test_names_that_do_not_fit_are_refused(name):
    with pytest.raises(BmctlError, match=r"8\.3"):
        fat_image({name: b""}, timestamp=0)


def test_more_than_el_torito_can_count_is_refused():
    with pytest.raises(BmctlError, match="boot image holds"):
        fat_image({"BIG": bytes(LARGEST_IMAGE + 1)}, timestamp=0)
