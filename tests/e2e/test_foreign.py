"""What ironic-python-agent-builder and diskimage-builder make deploys as well as what bmctl makes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from bmctl.model.firmware import PowerState

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
REPOSITORY = Path(__file__).parents[2]
BUILD = REPOSITORY / "scripts" / "foreign-build"
PLACE = REPOSITORY / ".cache" / "foreign"
BUILD_SECONDS = 3600.0
DEPLOY_SECONDS = 1500.0
RAMDISK = "foreign"
# The stock ramdisk is unpacked in memory: 350 MB packed, 1 GB unpacked.
MEMORY = "6144"
ASK = "hostname; sudo cloud-init query instance_id; ls /etc/dib-manifests | head -n 1; ip -json address show"


@pytest.fixture(scope="module")
def foreign() -> Path:
    """The directory with the others' ramdisk and image; built where they are not there yet."""
    if os.geteuid() != 0:
        pytest.skip("only root can build a ramdisk and an image as others do")
    done = subprocess.run(
        (BUILD, PLACE), stderr=subprocess.PIPE, text=True, timeout=BUILD_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return PLACE


@pytest.fixture(scope="module")
def site(foreign, make_site, make_lab):
    site = make_site(make_lab("foreign", "1", "--memory", MEMORY))
    files = (str(foreign / "ramdisk.kernel"), str(foreign / "ramdisk.initramfs"))
    used = site.run("ramdisk", "use", "--name", RAMDISK, *files)
    assert used.code == 0, used.err
    yield site
    site.run("ramdisk", "remove", RAMDISK)


def write_inventory(site, image: Path, **more) -> None:
    def change(document):
        document["images"]["lab"] = {"source": str(image)}
        document["nodes"][0].update(more)

    site.write_inventory(change)


def assert_it_is_theirs(site, ended) -> None:
    """The system that runs is the others' image, with the name and the addresses of the inventory."""
    assert ended.code == 0, ended.err
    node = site.lab.nodes[0]
    hostname, instance_id, manifest, links = site.ssh(node.address, ASK).splitlines()
    infos = [info for link in json.loads(links) for info in link["addr_info"]]
    assert hostname == node.name
    assert f"instance {instance_id}" in ended.out + ended.err
    assert manifest.startswith("dib-manifest")
    assert {node.address, node.address6} <= {info["local"] for info in infos}
    assert not any(info.get("dynamic") for info in infos)
    assert site.medium(node.name) is None
    assert site.power(node.name) is PowerState.ON


def test_their_ramdisk_writes_their_image(site, foreign):
    write_inventory(site, foreign / "image.qcow2", ramdisk=RAMDISK)
    ended = site.run("deploy", "n1", "--rebuild", seconds=DEPLOY_SECONDS)
    assert_it_is_theirs(site, ended)
    assert site.learnt("agent")[-1]["version"] == "13.0.0"
    assert site.learnt("read back")[-1]["outcome"] == "not available"
    assert [disk["name"] for disk in site.learnt("disks")[-1]] == ["/dev/vda"], "out of the agent's logs"


def test_our_ramdisk_writes_their_image_compressed(site, foreign):
    raw = site.path / "image.raw"
    subprocess.run(("qemu-img", "convert", "-O", "raw", foreign / "image.qcow2", raw), check=True)
    subprocess.run(("zstd", "-q", "-1", "--rm", raw), check=True)
    write_inventory(site, raw.with_suffix(".raw.zst"))
    assert_it_is_theirs(site, site.run("deploy", "n1", "--rebuild", seconds=DEPLOY_SECONDS))
    assert site.learnt("read back")[-1]["outcome"] == "same"
