"""The ramdisk's archive: readable by others, equal for equal trees."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bmctl.ramdisk import cpio, libraries
from bmctl.ramdisk.modules import chosen, dependencies
from bmctl.ramdisk.tree import merged
from bmctl.ramdisk.wheels import agent_version, lock_text, without


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/program").write_bytes(b"#!/bin/sh\n" * 1000)
    (root / "usr/bin/program").chmod(0o700)
    (root / "usr/text").write_bytes(b"odd")
    (root / "bin").symlink_to("usr/bin")
    return root


def packed(tree: Path) -> bytes:
    out = io.BytesIO()
    cpio.write(tree, out, timestamp=1_700_000_000)
    return out.getvalue()


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_cpio_reads_the_archive(tree: Path):
    listed = subprocess.run(
        ["cpio", "--list", "--verbose", "--numeric-uid-gid", "--quiet"],
        input=packed(tree),
        capture_output=True,
        check=True,
    )
    lines = [line.split() for line in listed.stdout.decode().splitlines()]
    modes = {line[line.index("bin") if "->" in line else -1]: line[0] for line in lines}
    assert modes["usr/bin/program"] == "-rwxr-xr-x"
    assert modes["usr/text"] == "-rw-r--r--"
    assert modes["bin"] == "lrwxrwxrwx"
    assert modes["dev/console"] == "crw-------"
    assert all(line[2:4] == ["0", "0"] for line in lines)
    assert listed.stderr == b""


def test_times_and_owners_of_the_tree_do_not_matter(tree: Path):
    before = packed(tree)
    os.utime(tree / "usr/text", (1, 1))
    (tree / "usr/text").chmod(0o600)
    assert packed(tree) == before
    (tree / "usr/text").write_bytes(b"eve")
    assert packed(tree) != before


def test_modules_come_with_all_they_need():
    graph = dependencies(
        "kernel/drivers/net/virtio_net.ko: kernel/net/core/failover.ko kernel/drivers/virtio/virtio.ko\n"
        "kernel/net/core/failover.ko:\n"
        "kernel/drivers/virtio/virtio.ko:\n"
        "kernel/drivers/net/ethernet/3com/3c59x.ko: kernel/drivers/net/mii.ko\n"
        "kernel/drivers/net/mii.ko:\n"
        "kernel/sound/soundcore.ko:\n"
    )
    assert chosen(graph) == {
        "kernel/drivers/net/virtio_net.ko",
        "kernel/net/core/failover.ko",
        "kernel/drivers/virtio/virtio.ko",
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("./bin/sh", "usr/bin/sh"),
        ("./lib64/ld.so", "usr/lib64/ld.so"),
        ("./usr/bin/x", "usr/bin/x"),
        ("./", ""),
    ],
)
def test_links_into_usr_are_resolved(name: str, path: str):
    assert merged(name) == path


def test_a_program_names_its_libraries():
    shell = Path("/bin/sh").resolve()
    assert any(name.startswith("libc.so") for name in libraries.needed(shell))


def test_what_is_no_program_names_none(tmp_path: Path):
    (tmp_path / "text").write_text("hello")
    assert libraries.needed(tmp_path / "text") == ()


def test_libraries_are_kept_as_far_as_they_are_needed():
    needs = {
        "libudev.so.1": ["libcap.so.2"],
        "libcap.so.2": [],
        "liba.so": ["libb.so"],
        "libb.so": [],
        "libx.so": [],
    }
    assert libraries.reachable(needs, [["liba.so"]]) == {"liba.so", "libb.so", "libudev.so.1", "libcap.so.2"}


def test_the_lock_pins_a_released_agent_with_hashes():
    lock = lock_text()
    assert agent_version(lock) == "13.0.0"
    assert "://" not in lock
    shorter = without(lock, {"setuptools", "pbr"})
    assert "setuptools==" not in shorter
    assert len(shorter.split("==")) == len(lock.split("==")) - 2


def test_what_the_device_manager_opens_at_run_time_is_kept():
    needs = {"libkmod.so.2": ["liblzma.so.5"], "liblzma.so.5": []}
    assert libraries.reachable(needs, [["libc.so.6"]]) == {"libc.so.6", "libkmod.so.2", "liblzma.so.5"}
