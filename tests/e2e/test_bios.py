"""A machine with BIOS firmware deploys a disk that only a BIOS can boot."""

from __future__ import annotations

import struct
import time

import pytest

from bmctl.lab import machines
from bmctl.model.firmware import PowerState

pytestmark = pytest.mark.e2e
TEXT = b"this disk was booted by a BIOS\r\n\0"
# At 0x7c00, 16 bit: write the text at 0x7c15 to the first serial port, then halt.
#   xor ax,ax; mov ds,ax; mov si,0x7c15; mov dx,0x3f8
#   next: lodsb; test al,al; jz end; out dx,al; jmp next; end: hlt; jmp end
PROGRAM = bytes.fromhex("31c0 8ed8 be157c baf803 ac 84c0 7403 ee ebf8 f4 ebfd")
MIB = 1024**2


@pytest.fixture(scope="module")
def site(make_site, make_lab):
    return make_site(make_lab("bios", "1", "--firmware", "bios"))


def write_disk(path) -> None:
    """A disk with a boot sector, one active Linux partition from the first MiB on, and nothing in it."""
    entry = struct.pack("<B3xB3xII", 0x80, 0x83, 2048, 8192)
    with path.open("wb") as disk:
        disk.write((PROGRAM + TEXT).ljust(446, b"\0") + entry + bytes(48) + b"\x55\xaa")
        disk.truncate(8 * MIB)


def test_an_image_made_for_uefi_is_refused(site):
    site.write_inventory()
    before = site.power("n1")
    ended = site.run("deploy", "n1", "--rebuild")
    assert ended.code == 3, ended.err
    assert "no boot code for BIOS" in ended.err
    assert site.power("n1") is before
    assert site.medium("n1") is None


def test_a_disk_for_bios_is_written_and_booted(site):
    write_disk(site.path / "bios.raw")

    def change(document):
        document["images"]["lab"] = {"source": str(site.path / "bios.raw")}
        del document["nodes"][0]["ready"]

    site.write_inventory(change)
    ended = site.run("deploy", "n1", "--rebuild", seconds=900)
    assert ended.code == 0, ended.err
    assert site.medium("n1") is None
    assert site.power("n1") is PowerState.ON
    deadline = time.monotonic() + 60
    while TEXT.decode().strip("\r\n\0") not in machines.serial_text(site.lab.nodes[0]):
        assert time.monotonic() < deadline, machines.serial_text(site.lab.nodes[0])[-2000:]
        time.sleep(0.5)
