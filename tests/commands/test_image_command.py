"""`bmctl image`: images checked without a machine, and their cache."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess

import pytest

MIB = 2**20
INVENTORY = """\
images:
  golden: {source: golden.raw.gz, checksum: SHA256SUMS}
  wrong: {source: golden.raw.gz, checksum: "%(zeros)s"}
nodes:
  - name: n1
    bmc: {driver: fake, address: "fake:n1"}
    network: {mac: 52:54:00:12:34:01, address: 192.0.2.11/24, gateway: 192.0.2.1}
    image: golden
    boot_mode: %(mode)s
"""


@pytest.fixture
def place(empty):
    """An inventory with one image that a BIOS machine can boot, and the same with a wrong checksum."""
    if shutil.which("sfdisk", path="/usr/sbin:/sbin:/usr/bin") is None:
        pytest.skip("needs sfdisk")
    disk = empty.path / "golden.raw"
    with disk.open("wb") as file:
        file.truncate(4 * MIB)
    subprocess.run(
        ["sfdisk", "-q", disk], input=b"label: dos\ntype=83, bootable\n", check=True,
        env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
    )  # fmt: skip
    with disk.open("r+b") as file:
        file.write(b"\xeb\x63\x90")
    packed = empty.path / "golden.raw.gz"
    packed.write_bytes(gzip.compress(disk.read_bytes()))
    empty.write("SHA256SUMS", f"{hashlib.sha256(packed.read_bytes()).hexdigest()}  golden.raw.gz\n")
    empty.write("inventory.yaml", INVENTORY % {"zeros": "0" * 64, "mode": "bios"})
    return empty


def test_an_image_is_checked_without_a_machine(place):
    done = place.run("image", "check", "golden")
    assert (done.returncode, done.stderr.count("error")) == (0, 0)
    assert "format:     raw in gzip" in done.stdout
    assert "boots in:   bios" in done.stdout
    assert "taken by:   n1" in done.stdout
    found = json.loads(place.run("image", "check", "golden", "--json").stdout)[0]
    assert (found["verified"], found["size"], found["partitions"]["kind"]) == (True, 4 * MIB, "mbr")


def test_one_wrong_image_does_not_hide_the_others(place):
    done = place.run("image", "check")
    assert done.returncode == 3
    assert "taken by:   n1" in done.stdout
    assert "error: image wrong is not the one its checksum is of" in done.stderr
    errors = [one.get("error") for one in json.loads(place.run("image", "check", "--json").stdout)]
    assert errors[0] is None
    assert errors[1].startswith("image wrong")


def test_the_machines_that_take_an_image_must_be_able_to_boot_it(place):
    place.write("inventory.yaml", INVENTORY % {"zeros": "0" * 64, "mode": "uefi"})
    done = place.run("image", "check", "golden")
    assert done.returncode == 3
    assert "no EFI system partition" in done.stderr
    assert "n1 boots in UEFI mode" in done.stderr


def test_a_path_needs_no_inventory(place):
    (place.path / "inventory.yaml").unlink()
    done = place.run("image", "check", "golden.raw.gz", "--checksum", "SHA256SUMS")
    assert done.returncode == 0, done.stderr
    assert "nothing vouches for it" in place.run("image", "check", "golden.raw").stdout
    assert place.run("image", "check", "golden.raw", "--checksum", "0" * 64).returncode == 3
    assert 'error: "golden" is no image' in place.run("image", "check", "golden").stderr
    assert "error: no image is named" in place.run("image", "check").stderr


def test_the_cache_is_listed_and_made_small(place):
    place.run("image", "check", "golden")
    assert "golden.raw.gz  raw in gzip  4.2 MB" in place.run("image", "list").stdout
    (kept,) = json.loads(place.run("image", "list", "--json").stdout)
    assert place.run("image", "prune").stdout == ""
    assert "golden.raw.gz: would go" in place.run("image", "prune", "--unused", "0", "--dry-run").stdout
    assert "golden.raw.gz: removed" in place.run("image", "prune", "--unused", "0").stdout
    assert json.loads(place.run("image", "list", "--json").stdout) == []
    assert not (place.path / kept["path"]).exists()
    assert place.run("image", "check", "golden").returncode == 0
