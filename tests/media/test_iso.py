"""A boot medium: what is on it, and that it is the same in every form."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmctl.errors import BmctlError, InvalidError
from bmctl.media.extents import write_file
from bmctl.media.iso import boot_iso

TEXT_FILES = ("/boot/grub/grub.cfg", "/isolinux/isolinux.cfg")


def test_tree_is_golden(medium, read_image, golden):
    image = read_image.of(boot_iso(medium))
    files = image.files()
    lines = [
        f"{image.mode(path):o} {len(data):>7} {hashlib.sha256(data).hexdigest()[:16]} {path}"
        for path, data in sorted(files.items())
        # The catalogue and isolinux' table hold places, which are not what a person compares.
        if path not in {"/boot.cat", "/isolinux/isolinux.bin"}
    ]
    texts = [f"\n--- {path}\n{files[path].decode()}" for path in TEXT_FILES]
    golden("boot_iso.txt", "\n".join([*lines, *texts]))


def test_label_and_publisher_are_what_the_ramdisk_looks_for(medium, read_image):
    descriptor = read_image.of(boot_iso(medium)).descriptor
    assert descriptor.volume_identifier.rstrip() == b"config-2"
    assert descriptor.publisher_identifier.text.rstrip().decode() == medium.publisher


def test_shared_files_are_on_the_medium_as_they_are(medium, read_image):
    files = read_image.of(boot_iso(medium)).files()
    assert files["/vmlinuz"] == medium.kernel.read_bytes()
    assert files["/initrd"] == medium.initramfs.read_bytes()
    assert files["/openstack/latest/network_data.json"] == b'{"links": []}\n'


def test_same_input_gives_same_bytes_at_any_time_and_place(medium, monkeypatch):
    first = boot_iso(medium)
    time.sleep(1.1)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        second = boot_iso(medium)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert first.read(0, first.size) == second.read(0, second.size)


def test_another_timestamp_changes_dates_only(medium):
    first = boot_iso(medium)
    second = boot_iso(dataclasses.replace(medium, timestamp=medium.timestamp + 86_400))
    assert first.size == second.size
    assert first.read(0, first.size) != second.read(0, second.size)


def test_threads_do_not_mix(medium):
    media = [dataclasses.replace(medium, timestamp=1_600_000_000 + 1000 * number) for number in range(8)]
    alone = [boot_iso(each) for each in media]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(boot_iso, media))
    for one, other in zip(alone, together, strict=True):
        assert one.read(0, one.size) == other.read(0, other.size)


def test_a_medium_costs_little(medium):
    image = boot_iso(medium)
    assert image.private_bytes <= 64 * 1024
    efi = [extent for extent in image.extents if extent.length > 64 * 1024 and hasattr(extent, "data")]
    assert [extent.data for extent in efi] == [medium.loader.efi_image()]
    assert (
        efi[0].data
        is boot_iso(dataclasses.replace(medium, publisher="other")).extents[image.extents.index(efi[0])].data
    )


def test_labels_name_every_shared_part(medium):
    labels = boot_iso(medium).labels()
    assert labels["kernel"] == medium.kernel.stat().st_size
    assert labels["initramfs"] == medium.initramfs.stat().st_size
    assert {"loader", "configuration"} <= labels.keys()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_range_equals_the_written_file(medium, data, tmp_path):
    image = boot_iso(medium)
    written = tmp_path / "written.iso"
    if not written.exists():
        write_file(image, written)
    whole = written.read_bytes()
    assert len(whole) == image.size
    offset = data.draw(st.integers(0, image.size + 10))
    length = data.draw(st.one_of(st.integers(0, 5000), st.integers(0, image.size)))
    assert image.read(offset, length) == whole[offset : offset + length]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(
        st.lists(
            st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,40}", fullmatch=True), min_size=1, max_size=4
        ).map("/".join),
        st.binary(max_size=5000),
        max_size=20,
    )
)
def test_any_files_come_back(medium, read_image, files):
    paths = {f"/{path}" for path in files}
    if any(other.startswith(f"{path}/") for path in paths for other in paths):
        return  # a file cannot be a directory as well
    found = read_image.of(
        boot_iso(dataclasses.replace(medium, files={f"extra/{path}": data for path, data in files.items()}))
    ).files()
    for path, data in files.items():
        assert found[f"/extra/{path}"] == data


def test_boot_catalogue_has_bios_first_then_uefi(medium, read_image):
    boot = boot_iso(medium)
    image = read_image.of(boot)
    catalogue = boot.read(image.offset("/boot.cat"), 2048)
    (bios,) = struct.unpack_from("<L", catalogue, 32 + 8)
    assert catalogue[1] == 0
    assert bios * 2048 == image.offset("/isolinux/isolinux.bin")
    assert catalogue[65] == 0xEF
    (uefi,) = struct.unpack_from("<L", catalogue, 96 + 8)
    assert uefi * 2048 == image.offset("/boot/grub/efiboot.img")


def test_partition_table_points_at_the_efi_image(medium, read_image):
    boot = boot_iso(medium)
    record = boot.read(0, 512)
    assert record[510:] == b"\x55\xaa"
    assert record[446 + 4] == 0xEF
    start, sectors = struct.unpack_from("<LL", record, 446 + 8)
    assert boot.read(start * 512, sectors * 512) == medium.loader.efi_image()
    assert struct.unpack_from("<Q", record, 432)[0] * 512 == read_image.of(boot).offset(
        "/isolinux/isolinux.bin"
    )


def test_without_bios_loaders_the_medium_is_for_uefi_alone(medium, read_image):
    plain = dataclasses.replace(medium.loader, isolinux=None, ldlinux=None, hybrid_mbr=None)
    boot = boot_iso(dataclasses.replace(medium, loader=plain))
    image = read_image.of(boot)
    assert not any(path.startswith("/isolinux") for path in image.files())
    assert boot.read(image.offset("/boot.cat"), 2)[1] == 0xEF
    assert boot.read(0, 432) == bytes(432)


def test_a_file_that_became_shorter_is_told(medium, tmp_path):
    image = boot_iso(medium)
    os.truncate(medium.initramfs, 1000)
    with pytest.raises(BmctlError, match="initramfs became shorter"):
        write_file(image, tmp_path / "out.iso")
    assert not list(tmp_path.glob("*out.iso*"))


@pytest.mark.parametrize("path", ["", "/", "../x", "a/../../x"])
def test_paths_that_are_no_files_are_refused(medium, path):
    with pytest.raises(InvalidError):
        boot_iso(dataclasses.replace(medium, files={path: b""}))


def test_a_path_that_is_taken_is_refused(medium):
    with pytest.raises(InvalidError, match="twice"):
        boot_iso(dataclasses.replace(medium, files={"x": b"", "./x": b""}))


def test_progress_ends_with_everything(medium, tmp_path):
    image = boot_iso(medium)
    seen = []
    write_file(image, tmp_path / "out.iso", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (image.size, image.size)
    assert seen == sorted(seen)


@pytest.mark.peer
def test_xorriso_reads_the_same_tree(medium, read_image, tmp_path):
    if shutil.which("xorriso") is None:
        pytest.skip("xorriso is not installed")
    image = boot_iso(medium)
    write_file(image, tmp_path / "out.iso")
    target = tmp_path / "tree"
    subprocess.run(
        ["xorriso", "-osirrox", "on", "-indev", tmp_path / "out.iso", "-extract", "/", target],
        check=True,
        capture_output=True,
    )
    extracted = {
        f"/{path.relative_to(target)}": path.read_bytes() for path in target.rglob("*") if path.is_file()
    }
    expected = read_image.of(image).files()
    extracted.pop("/boot.cat", None)
    expected.pop("/boot.cat", None)
    assert extracted == expected
