"""What cannot work is told in one clear line before any machine is touched."""

from __future__ import annotations

import re
import shutil
import struct
from pathlib import Path

import pytest

from bmctl.model.firmware import PowerState

pytestmark = pytest.mark.e2e
FREE_PORT = 4443
CHANGES = re.compile(r"(Reset|InsertMedia|EjectMedia)$")
GIB = 1024**3


@pytest.fixture
def site(make_site, lab):
    return make_site(lab)


def changes(requests):
    """The requests that change a machine."""
    return [
        line
        for line in requests
        if line["method"] == "PATCH" or (line["method"] == "POST" and CHANGES.search(line["path"]))
    ]


def one_error(ended):
    """The one line that tells the error, and its hint."""
    lines = ended.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    hints = [line for line in lines if line.startswith("hint: ")]
    assert len(errors) == 1, ended.err
    assert len(hints) == 1, ended.err
    assert "Traceback" not in ended.err
    return errors[0], hints[0]


def wrong_password(site, document):
    (site.path / "wrong").write_text("not-the-password\n")
    document["nodes"][0]["bmc"]["password"] = f"file:{site.path / 'wrong'}"


def nobody_listens(site, document):
    document["nodes"][0]["bmc"]["address"] = f"{site.lab.controller_url}:{FREE_PORT}"


def nobody_there(site, document):
    """An address of the lab's own link that no machine has."""
    document["nodes"][0]["bmc"]["address"] = site.lab.controller_url.rpartition(".")[0] + ".99"


def wrong_certificate(site, document):
    document["nodes"][0]["bmc"]["verify"] = True


def missing_image(site, document):
    document["images"]["lab"] = {"source": str(site.path / "nothing.raw")}


def bad_checksum(site, document):
    document["images"]["lab"]["checksum"] = "sha256:" + 64 * "0"


def cut_copy(source: str, target: Path, size: int) -> None:
    with Path(source).open("rb") as whole, target.open("wb") as part:
        shutil.copyfileobj(whole, part)
        part.truncate(size)


def truncated_image(site, document):
    image = document["images"]["lab"]
    cut_copy(image["source"], site.path / "cut.raw", 200 * 1024**2)
    document["images"]["lab"] = {"source": str(site.path / "cut.raw")}


def no_esp(site, document):
    """A disk whose only partition is Linux', in an MBR."""
    entry = struct.pack("<4xB3xII", 0x83, 2048, 8192)
    sector = bytes(446) + entry + bytes(48) + b"\x55\xaa"
    with (site.path / "linux.raw").open("wb") as disk:
        disk.write(sector)
        disk.truncate(16 * 1024**2)
    document["images"]["lab"] = {"source": str(site.path / "linux.raw")}


CASES = {
    "wrong password": (wrong_password, 5, "password"),
    "nobody listens": (nobody_listens, 5, "controller"),
    "nobody there": (nobody_there, 5, "controller"),
    "wrong certificate": (wrong_certificate, 5, "certificate"),
    "missing image": (missing_image, 3, "there is no file"),
    "bad checksum": (bad_checksum, 3, "checksum"),
    "truncated image": (truncated_image, 3, "image lab"),
    "image without an ESP": (no_esp, 3, "EFI system partition"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_deploy_that_cannot_work_touches_nothing(site, case):
    break_it, code, words = CASES[case]
    site.write_inventory(lambda document: break_it(site, document))
    before = len(site.requests())
    ended = site.run("deploy", "n1")
    error, _ = one_error(ended)
    assert ended.code == code, ended.err
    assert error.startswith("error: n1: ")
    assert words in error
    assert changes(site.requests()[before:]) == []
    site.assert_released("n1")
    assert not any(site.state.glob("runs/*/secrets.json")), "nothing was begun that could go on"


def test_one_machine_that_cannot_holds_the_others_back(site):
    def change(document):
        document["images"]["bad"] = {"source": str(site.path / "nothing.raw")}
        document["nodes"][0]["image"] = "bad"

    site.write_inventory(change)
    before = len(site.requests())
    ended = site.run("deploy", "n1", "n2")
    assert ended.code == 3, ended.err
    assert changes(site.requests()[before:]) == []
    for name in ("n1", "n2"):
        site.assert_released(name)


def test_an_unknown_node_is_told_with_the_known_ones(site):
    ended = site.run("deploy", "n3")
    error, hint = one_error(ended)
    assert ended.code == 3
    assert '"n3"' in error
    assert "n1, n2" in hint


def test_a_locked_node_is_busy_and_free_after_ctrl_c(site):
    site.set_faults({"match": "GET /redfish/v1/Systems/", "delay": 20})
    before = len(site.requests())
    with site.start("deploy", "n1") as first:
        first.wait_for(lambda: bool(site.facts()))
        ended = site.run("deploy", "n1")
        assert ended.code == 4, ended.err
        error, _ = one_error(ended)
        assert error.startswith("error: n1 is held by ")
        assert str(first.process.pid) in ended.err
        first.interrupt()
        assert first.end().code == 130
    site.set_faults()
    assert changes(site.requests()[before:]) == []
    site.assert_released("n1")


def test_a_disk_that_is_too_small_is_found_before_it_is_written(make_site, make_lab):
    """The one failure that needs the ramdisk: only it sees the disk."""
    site = make_site(make_lab("small", "1", "--disk", "1"))

    def change(document):
        image = document["images"]["lab"]
        cut_copy(image["source"], site.path / "big.raw", 2 * GIB)
        document["images"]["lab"] = {"source": str(site.path / "big.raw")}
        document["nodes"][0]["root_device"] = {"name": "/dev/vda"}

    site.write_inventory(change)
    before = Path(site.lab.nodes[0].disk).stat().st_size
    ended = site.run("deploy", "n1", seconds=900)
    assert ended.code == 1, ended.err
    error, _ = one_error(ended)
    assert "too small" in error
    assert "1.0 GiB" in error
    site.assert_released("n1")
    assert site.controller("n1")["Boot"]["BootSourceOverrideEnabled"] != "Once"
    assert site.power("n1") is PowerState.OFF
    assert Path(site.lab.nodes[0].disk).stat().st_size == before
    assert site.node("n1")["provision_state"] == "deploy failed"
    assert site.learnt("write attempts") == []
