"""What a disk must hold after an image was written: proven with the tools that agents call."""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
import uuid
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.images.chunks import (
    MOST_CHUNKS,
    Extent,
    cut,
    digest_extents,
    halves,
    known_chunks,
    read_chunks,
    runs,
)
from bmctl.images.on_disk import find_differences, read_layout
from bmctl.images.tables import TableDiffersError
from bmctl.ramdisk.inside.reading import pieces

MIB = 2**20
sizes = st.one_of(st.integers(1, 40 * MIB), st.integers(1, 300 * 2**30))
MBR = """
label: dos
size=8MiB, type=c, bootable
size=10MiB, type=5
5: size=3MiB, type=83
6: size=3MiB, type=83
"""


@given(sizes, st.data())
def test_pieces_cover_an_image_but_for_what_is_left_out(size, data):
    offsets = st.integers(0, size)
    without = [
        Extent(offset=min(pair), size=max(pair) - min(pair))
        for pair in data.draw(st.lists(st.tuples(offsets, offsets), max_size=3))
    ]
    at = data.draw(st.lists(offsets, max_size=4))
    pieces = cut(size, at=at, without=without)
    assert len(pieces) <= MOST_CHUNKS + 2 + len(at) + 2 * len(without)
    assert all(piece.size > 0 and piece.end <= size for piece in pieces)
    assert all(one.end <= other.offset for one, other in pairwise(pieces))
    assert not any(piece.overlaps(gap) for piece in pieces for gap in without)
    assert not any(piece.offset < border < piece.end for piece in pieces for border in at)
    for byte in data.draw(st.lists(st.integers(0, size - 1), max_size=20)):
        one = Extent(offset=byte, size=1)
        assert any(one.overlaps(part) for part in (*pieces, *without))


@given(st.integers(1, 64 * MIB), st.lists(st.integers(0, 64 * MIB), max_size=5))
def test_pieces_in_few_words_are_the_same_pieces(size, at):
    extents = cut(size, at=at, without=[Extent(offset=at[0], size=at[-1])] if at else ())
    found = runs(extents)
    told = [piece for run in found for piece in pieces(*run)]
    assert told == [(extent.offset, extent.size) for extent in extents]
    assert len(found) <= 3 * (len(at) + 3)


@given(st.integers(0, 10**9), st.integers(1, 10**11))
def test_halves_make_up_the_whole(offset, size):
    pieces = halves(Extent(offset=offset, size=size), smallest=4096)
    assert len(pieces) <= MOST_CHUNKS
    assert pieces[0].offset == offset
    assert pieces[-1].end == offset + size
    assert all(one.end == other.offset for one, other in pairwise(pieces))


@dataclass(frozen=True)
class Written:
    """An image and a disk it was written to, compared as a deploy does."""

    image: Path
    disk: Path

    def write(self, offset: int, data: bytes) -> None:
        with self.disk.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def differences(self, *, config_drive: bool = True) -> tuple[Extent, ...]:
        layout = read_layout(self.image, name="image", config_drive=config_drive)
        chunks = asyncio.run(digest_extents(self.image, layout.extents))
        seen = asyncio.run(digest_extents(self.disk, layout.extents))
        content = self.disk.read_bytes()
        return find_differences(
            layout,
            chunks,
            [chunk.digest for chunk in seen],
            [content[part.offset : part.end] for part in layout.table.meaning],
            config_drive=config_drive,
        )


def write(tools, image: Path, disk: Path, size: int, *, config_drive: bool = False) -> Written:
    """Do what the agent does, with the tool it calls (which sleeps a second each time)."""
    tools.needs("sgdisk")
    shutil.copy(image, disk)
    os.truncate(disk, size)
    add = ("-n", "0:-4MB:0", "-u", f"0:{uuid.uuid4()}") if config_drive else ()
    tools.run("sgdisk", "-e", *add, disk)
    return Written(image, disk)


@pytest.fixture(scope="session")
def deployed(tools, disk, tmp_path_factory) -> Path:
    """The disk image, written to a larger disk with a config drive behind it."""
    path = tmp_path_factory.mktemp("deployed") / "disk"
    return write(tools, disk, path, 64 * MIB, config_drive=True).disk


@pytest.fixture
def written(disk, deployed, tmp_path) -> Written:
    return Written(disk, shutil.copy(deployed, tmp_path / "written"))


@pytest.mark.parametrize("size", [24 * MIB + 4096, 64 * MIB])
def test_a_moved_backup_is_no_difference(tools, disk, tmp_path, size):
    assert write(tools, disk, tmp_path / "written", size).differences() == ()


def test_a_config_drive_behind_the_image_is_no_difference(written):
    assert written.differences() == ()


def test_a_config_drive_in_free_room_of_the_image_is_no_difference(tools, tmp_path):
    image = tools.partition(tmp_path / "roomy.raw", "label: gpt\nsize=8MiB, type=linux\n")
    made = write(tools, image, tmp_path / "written", 24 * MIB, config_drive=True)
    made.write(21 * MIB, b"the config drive's content")
    assert made.differences() == ()


@pytest.mark.parametrize("offset", [3 * MIB, 18 * MIB + 77, 2 * MIB - 1, 17408])
def test_every_flipped_byte_is_found(written, offset):
    before = written.disk.read_bytes()[offset]
    written.write(offset, bytes([before ^ 0x10]))
    found = written.differences()
    assert len(found) == 1
    assert found[0].offset <= offset < found[0].end


def test_a_byte_in_a_partition_is_called_by_its_partition(disk):
    layout = read_layout(disk, name="image", config_drive=False)
    assert layout.place(MIB) == "in partition 1, ESP"
    assert layout.place(18 * MIB) == "in partition 2, unknown"
    assert layout.place(700) == "outside of all partitions"


def test_a_partition_that_nobody_asked_for_is_refused(written):
    with pytest.raises(TableDiffersError, match="1 partitions more"):
        written.differences(config_drive=False)


def test_a_partition_that_is_gone_is_refused(tools, written):
    tools.run("sgdisk", "-d", "2", written.disk)
    with pytest.raises(TableDiffersError, match="partition 2"):
        written.differences()


def test_a_table_with_a_flipped_byte_is_refused(written):
    written.write(1024 + 130, b"\xff")
    with pytest.raises(TableDiffersError, match="its own checksum"):
        written.differences()


def test_boot_code_is_compared(tools, tmp_path):
    image = tools.partition(tmp_path / "bios.raw", "label: gpt\nsize=8MiB, type=linux\n")
    with image.open("r+b") as file:
        file.write(b"\xeb\x63boot code")
    made = write(tools, image, tmp_path / "written", 64 * MIB)
    assert made.differences() == ()
    made.write(5, b"x")
    with pytest.raises(TableDiffersError, match="boot code"):
        made.differences()


def test_a_config_drive_that_the_image_has_room_for_is_not_compared(tools, tmp_path):
    tools.needs("xorriso")
    image = tools.partition(
        tmp_path / "own.raw", "label: gpt\nsize=8MiB, type=linux\nsize=8MiB, type=linux\n"
    )
    content = tmp_path / "content"
    content.mkdir()
    tools.run("xorriso", "-as", "mkisofs", "-V", "config-2", "-o", tmp_path / "drive", content)
    made = (tmp_path / "drive").read_bytes()
    with image.open("r+b") as file:
        file.seek(9 * MIB)
        file.write(made)
    disk = copied(image)
    disk.write(9 * MIB + 70000, b"another config drive")
    assert disk.differences() == ()
    assert disk.differences(config_drive=False) != ()


def copied(image: Path) -> Written:
    """An image on a disk of its own size, where there is nothing to change."""
    return Written(image, shutil.copy(image, image.with_suffix(".written")))


def edit_entry(record: bytes, index: int, kind: int, start: int, length: int) -> bytes:
    entry = struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start, length)
    return record[: 446 + 16 * index] + entry + record[462 + 16 * index :]


def test_an_mbr_may_get_one_partition_more(tools, tmp_path):
    made = copied(tools.partition(tmp_path / "mbr.raw", MBR))
    record = made.disk.read_bytes()[:512]
    made.write(0, edit_entry(record, 2, 0x0C, 120_000, 8000))
    assert made.differences() == ()
    with pytest.raises(TableDiffersError, match="1 partitions more"):
        made.differences(config_drive=False)


def test_other_cylinders_of_the_same_sectors_are_no_difference(tools, tmp_path):
    made = copied(tools.partition(tmp_path / "mbr.raw", MBR))
    layout = read_layout(made.image, name="image", config_drive=True)
    assert len(layout.table.meaning) == 3, "the MBR and two boot records of logical partitions"
    for extent in layout.table.meaning:
        made.write(extent.offset + 446 + 1, b"\x01\x02\x03")
    assert made.differences() == ()
    made.write(layout.table.meaning[2].offset + 446 + 8, b"\x99")
    with pytest.raises(TableDiffersError, match="logical partition"):
        made.differences()


async def test_digests_are_made_once_for_an_image(disk, tmp_path):
    extents = read_layout(disk, name="image", config_drive=True).extents
    first = await known_chunks(disk, "ab", extents, cache=tmp_path)
    assert read_chunks(tmp_path / "chunks" / "ab.json", extents) == first
    assert read_chunks(tmp_path / "chunks" / "ab.json", extents[1:]) is None
    # Nobody looks at the image again.
    assert await known_chunks(tmp_path / "gone", "ab", extents, cache=tmp_path) == first
    (tmp_path / "chunks" / "ab.json").write_text("{")
    assert await known_chunks(disk, "ab", extents, cache=tmp_path) == first
