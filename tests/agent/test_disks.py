"""Disks out of what lsblk said in an agent's logs."""

from __future__ import annotations

import io
import subprocess
import tarfile

import pytest

from bmctl.agent.disks import parse_listing, read_disks
from bmctl.errors import BmctlError
from bmctl.model.disks import ESP, DiskContent

GIB = 2**30


def row(name: str, kind: str = "part", parent: str = "", **columns: object) -> str:
    values = {"KNAME": name, "NAME": name, "PKNAME": parent, "TYPE": kind, "SIZE": GIB, **columns}
    return " ".join(f'{column}="{value}"' for column, value in values.items())


LISTING = "\n".join(
    (
        row("sr0", "rom", FSTYPE="iso9660", LABEL="config-2"),
        row("sdb", "disk", SERIAL="S2", MODEL="ACME 1", SIZE=2 * GIB, TRAN="sata", PTTYPE="dos"),
        row("sda", "disk", SERIAL="S1", SIZE=8 * GIB, PTTYPE="gpt"),
        row("sda1", parent="sda", FSTYPE="vfat", UUID="1234-ABCD", PARTTYPE=ESP, PTTYPE="gpt"),
        row(
            "sda2", parent="sda", FSTYPE="ext4", LABEL="root\\x20fs", UUID="u-2", PARTUUID="p-2", PTTYPE="gpt"
        ),
        row("sda3", parent="sda", FSTYPE="swap", MOUNTPOINT="[SWAP]", PTTYPE="gpt"),
        row("loop0", "loop", SIZE=0),
        row("sdc", "disk", SIZE=0),
        row("sdd", "disk"),
        row("sde", "disk", FSTYPE="xfs", LABEL="data", PTTYPE=""),
        row("nvme0n1", "disk", PTTYPE="gpt", RO=1),
        row("nvme0n1p1", parent="nvme0n1", FSTYPE="linux_raid_member"),
        row("md0", "raid1", parent="nvme0n1p1"),
        row("md0p1", "part", parent="md0", FSTYPE="ext4"),
    )
)


def disk(name: str) -> DiskContent:
    return next(each for each in parse_listing(LISTING) if each.name == f"/dev/{name}")


def test_drives_and_devices_that_are_no_disks_are_left_out():
    names = [each.name for each in parse_listing(LISTING)]
    assert names == ["/dev/nvme0n1", "/dev/sda", "/dev/sdb", "/dev/sdd", "/dev/sde"]


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("sda", "GPT: ESP, ext4 'root fs', swap"),
        ("sdb", "MBR: no partitions"),
        ("sdd", "empty"),
        ("sde", "xfs 'data'"),
        ("nvme0n1", "GPT: linux_raid_member, unknown, ext4"),
    ],
)
def test_a_disk_is_told_in_one_line(name, summary):
    assert disk(name).summary == summary


def test_a_disk_has_its_names():
    found = disk("sdb")
    assert (found.title, found.transport, found.read_only) == (
        "/dev/sdb (2.0 GiB, ACME 1, serial S2)",
        "sata",
        False,
    )
    assert disk("nvme0n1").read_only


def test_what_lies_on_an_array_lies_on_its_members():
    found = disk("nvme0n1")
    assert found.contents[-1].inside == ("/dev/nvme0n1", "/dev/nvme0n1p1", "/dev/md0")
    assert found.holds("/dev/md0")
    assert not found.holds("/dev/sda")


def test_newer_and_older_lsblk_are_read_alike():
    newer = LISTING.replace('TYPE="disk"', 'MAJ_MIN="8:0" TYPE="disk"')
    older = LISTING.replace('TYPE="disk"', 'MAJ:MIN="8:0" FSUSE%="" TYPE="disk"')
    assert parse_listing(newer) == parse_listing(older) == parse_listing(LISTING)


def test_disks_read_back_from_plain_data():
    for each in parse_listing(LISTING):
        data = each.to_json()
        assert DiskContent.from_json(data) == each
        assert DiskContent.from_json({**data, "a later key": 1}) == each


def archive(**members: str) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w:gz") as made:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            made.addfile(member, io.BytesIO(text.encode()))
    return output.getvalue()


def test_the_listing_is_found_among_the_logs():
    assert read_disks(archive(**{"lsblk-full": LISTING, "dmesg": "x"})) == parse_listing(LISTING)


def test_logs_without_a_listing_are_told():
    with pytest.raises(BmctlError, match="no listing of the disks"):
        read_disks(archive(dmesg="x"))
    with pytest.raises(BmctlError, match="form that is not known"):
        read_disks(b"no archive")


@pytest.mark.peer
def test_the_lsblk_of_this_host_is_read():
    command = ["lsblk", "--all", "--bytes", "--output-all", "--pairs"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    listed = subprocess.run(
        ["lsblk", "--all", "--bytes", "--nodeps", "--noheadings", "--raw", "-o", "KNAME,SIZE,TYPE"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    expected = {(f"/dev/{row[0]}", int(row[1])) for row in rows if row[2] == "disk" and int(row[1])}
    assert {(each.name, each.size) for each in parse_listing(text)} == expected
