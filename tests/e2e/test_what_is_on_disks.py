"""What a deploy finds on disks: an image's names on another disk, and a byte that is not the image's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bmctl.lab import machines

pytestmark = pytest.mark.e2e
NODE = "n2"
FLIPPED = 200 * 2**20
FIRST_DISK = "/machine/peripheral/virtio-disk0/virtio-backend"


@pytest.fixture
def site(make_site, lab):
    return make_site(lab)


@pytest.fixture
def second_disk(site, lab):
    """The second disk of a machine that is off, holding the lab's image; empty again afterwards."""
    disk = Path(lab.node(NODE).more_disks[0])
    image = lab.options.image

    def make(*words: str) -> None:
        subprocess.run(("qemu-img", *words), check=True, capture_output=True)

    make("convert", "-O", "qcow2", image, str(disk))
    make("resize", str(disk), "8G")
    yield disk
    site.switch_off()
    make("create", "-q", "-f", "qcow2", str(disk), "8G")


def monitor(site, command: str) -> str:
    """What the machine's QEMU says to a command of its monitor."""
    return machines.run_inside(site.lab, (*machines.VIRSH, "qemu-monitor-command", NODE, "--hmp", command))


def on_second_disk(site) -> list:
    """What the latest run saw on the second disk when it looked last."""
    (second,) = (disk for disk in site.learnt("disks")[-1] if disk["name"] == "/dev/vdb")
    return second["contents"]


def test_other_disks_and_the_written_disk_are_looked_at(site, second_disk):
    refused = site.run("deploy", NODE, seconds=900)
    assert refused.code == 1, refused.err
    assert "/dev/vdb" in refused.err
    assert "has the UUID, PARTUUID and label of the image's partition 1" in refused.err
    assert "duplicate_filesystems" in refused.err
    assert not site.marked("deploy.write_image", "started")
    assert on_second_disk(site)
    site.assert_released(NODE)

    def wipe(document):
        document["nodes"][1]["duplicate_filesystems"] = "wipe"

    site.write_inventory(wipe)
    held = site.run("deploy", NODE, "--hold-before", "deploy.read_back", seconds=900)
    assert held.code == 6, held.err
    assert not on_second_disk(site)

    # QEMU itself writes it, past the machine; what the command says goes to QEMU's own output.
    assert monitor(site, f'qemu-io -d {FIRST_DISK} "write -P 0x5a {FLIPPED} 512"').strip() == ""
    with Path(site.lab.options.image).open("rb") as image:
        image.seek(FLIPPED)
        first_wrong = FLIPPED + next(at for at, byte in enumerate(image.read(512)) if byte != 0x5A)
    found = site.run("unhold", NODE, seconds=900)
    assert found.code == 1, found.err
    assert (
        f"what is on /dev/vda is not the image: it differs at byte {first_wrong} (in partition 2, ext4"
        in found.err
    )
    assert "in 1 of" in found.err
    assert site.learnt("read back")[-1]["outcome"] == "differs"
    site.assert_released(NODE)
