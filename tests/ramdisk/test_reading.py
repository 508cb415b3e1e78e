"""A disk read back in the ramdisk: every byte of the ranges asked for, wherever they begin."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmctl.images.chunks import Extent, digest_of
from bmctl.ramdisk.inside.hardware_manager import MOST_BYTES, STEPS, BmctlHardwareManager, read_disk
from bmctl.ramdisk.inside.reading import BLOCK, Disk, digest_ranges

SIZE = 5 * 2**20 + 512


@pytest.fixture(scope="module")
def content() -> bytes:
    """Noise with a stretch of zeros, and a single other byte among them."""
    content = bytearray(hashlib.shake_256(b"disk").digest(SIZE))
    content[BLOCK : 4 * BLOCK] = bytes(3 * BLOCK)
    content[2 * BLOCK + 5] = 1
    return bytes(content)


@pytest.fixture(scope="module")
def disk(tmp_path_factory, content) -> Path:
    path = tmp_path_factory.mktemp("disk") / "disk"
    path.write_bytes(content)
    return path


ranges = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(lambda pair: (min(pair), max(pair)))


@settings(max_examples=25, deadline=None)
@given(st.lists(ranges, max_size=6), st.integers(1, 4))
def test_the_ramdisk_and_the_host_make_the_same_digests(disk, wanted, threads):
    asked = [(start, end - start) for start, end in wanted]
    with Disk(disk) as opened:
        found = digest_ranges(opened, asked, threads=threads)
    with disk.open("rb") as file:
        expected = [digest_of(file.fileno(), Extent(offset=start, size=size)) for start, size in asked]
    assert [digest.hex() for digest in found] == expected


def test_the_digest_is_that_of_the_blocks_digests(disk, content):
    with Disk(disk) as opened:
        (found,) = digest_ranges(opened, [(100, SIZE - 100)])
    blocks = (content[at : at + BLOCK] for at in range(100, SIZE, BLOCK))
    assert found == hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).digest()


def test_an_error_in_one_thread_ends_all(disk):
    with Disk(disk) as opened, pytest.raises(EOFError):
        digest_ranges(opened, [(0, SIZE), (SIZE, 1)], threads=3)


@settings(max_examples=30, deadline=None)
@given(ranges)
def test_a_range_reads_as_it_is(disk, content, wanted):
    start, end = wanted[0], min(wanted[1], wanted[0] + BLOCK)
    with Disk(disk) as opened:
        assert bytes(opened.read(start, end - start)) == content[start:end]


@pytest.mark.parametrize(("offset", "size"), [(SIZE, 1), (0, BLOCK + 1), (SIZE - 10, 11), (-1, 5)])
def test_what_is_not_there_is_never_made_up(disk, offset, size):
    with Disk(disk) as opened, pytest.raises(EOFError):
        opened.read(offset, size)


def test_the_answer_is_plain_text(disk, content):
    answer = read_disk(str(disk), [[0, 1000, 1000], [4096, SIZE - 4096, 2**20]], [[1, 3], [510, 2]])
    assert answer["size"] == SIZE
    assert zlib.decompress(base64.b64decode(answer["content"])) == content[1:4] + content[510:512]
    assert len(base64.b64decode(answer["digests"])) == (1 + 5) * 32


def test_only_a_table_is_returned_and_not_the_disk(disk):
    with pytest.raises(ValueError, match="more than"):
        read_disk(str(disk), [], [[0, MOST_BYTES], [0, 1]])


def test_a_flipped_bit_changes_one_digest(tmp_path, content):
    path, wanted = tmp_path / "disk", [(0, 3 * BLOCK), (3 * BLOCK, SIZE - 3 * BLOCK)]
    path.write_bytes(content)
    with Disk(path) as opened:
        before = digest_ranges(opened, wanted)
    with path.open("r+b") as file:
        file.seek(SIZE - 1)
        file.write(bytes([content[-1] ^ 1]))
        file.flush()
        os.fsync(file.fileno())
    with Disk(path) as opened:
        after = digest_ranges(opened, wanted)
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_the_manager_answers_what_an_agent_asks_and_nothing_of_the_generic_one():
    manager = BmctlHardwareManager()
    assert manager.evaluate_hardware_support() > 0
    assert manager.get_version() == {"name": "bmctl", "version": "1.0"}
    listed = manager.get_deploy_steps({}, [])
    assert [step["step"] for step in listed] == ["read_back", "list_disks", "erase_signatures"]
    assert all(step["priority"] == 0 for step in listed), "they run only when asked for"
    listed[0]["hwm"] = "the agent writes into what it is given"
    assert "hwm" not in STEPS[0]
    public = {name for name in dir(manager) if not name.startswith("_") and name.islower()}
    assert public == {
        "evaluate_hardware_support",
        "initialize",
        "get_version",
        "get_deploy_steps",
        "read_back",
        "list_disks",
        "erase_signatures",
    }
