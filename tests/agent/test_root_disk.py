"""Which disk is taken: the agent's own rules, as data."""

from __future__ import annotations

from typing import Any

import pytest

from bmctl.agent.hardware import read_hardware
from bmctl.agent.root_disk import check_hints, choose_root_disk
from bmctl.errors import BmctlError, ExitCode, InvalidError
from bmctl.model.hints import RootDeviceHints

GIB = 2**30


def disk(name: str, size: float, **known: Any) -> dict[str, Any]:
    return {"name": name, "size": int(size * GIB), **known}


DISKS = [
    disk(
        "/dev/sda",
        447.13,
        model="INTEL SSDSC2KB480G8",
        serial=["PHYF0001", "S-ALT"],
        rotational=False,
        tran="sata",
        hctl="0:0:0:0",
        wwn=["0x5000c500deadbeef"],
        vendor="ATA",
    ),
    disk("/dev/sdb", 1000, model="ST1000NM0008", serial=["ZDH1"], rotational=True, hctl="1:0:0:0", wwn=[]),
    disk(
        "/dev/nvme0n1",
        100,
        model="Dell Express Flash",
        serial=["N1"],
        rotational=False,
        tran="nvme",
        by_path="/dev/disk/by-path/pci-0000:01:00.0-nvme-1",
    ),
    disk("/dev/vdb", 2, model=None, serial=[], rotational=True),
]

CASES: list[tuple[dict[str, Any], str | None]] = [
    ({}, "/dev/nvme0n1"),
    ({"serial": "ZDH1"}, "/dev/sdb"),
    ({"serial": "zdh1"}, "/dev/sdb"),
    ({"serial": "s-alt"}, "/dev/sda"),
    ({"serial": "zdh"}, None),
    ({"serial": "<in> PHYF"}, "/dev/sda"),
    ({"serial": "s!= PHYF0001"}, "/dev/sda"),
    ({"serial": "s!= ZDH1", "rotational": True}, None),
    ({"model": "Dell Express Flash"}, "/dev/nvme0n1"),
    ({"model": "s== dell express flash"}, "/dev/nvme0n1"),
    ({"model": "<in> express fl"}, "/dev/nvme0n1"),
    ({"model": "<or> foo <or> st1000nm0008"}, "/dev/sdb"),
    ({"model": "<or> Dell Express Flash <or> nothing"}, "/dev/nvme0n1"),
    ({"model": "s> st"}, "/dev/sdb"),
    ({"model": "s!= INTEL SSDSC2KB480G8", "size": "< 4"}, "/dev/vdb"),
    ({"rotational": True}, "/dev/sdb"),
    ({"rotational": False, "tran": "nvme"}, "/dev/nvme0n1"),
    ({"size": 1000}, "/dev/sdb"),
    ({"size": "100"}, "/dev/nvme0n1"),
    ({"size": 447}, None),
    ({"size": "= 500"}, "/dev/sdb"),
    ({"size": ">= 100"}, "/dev/sda"),
    ({"size": "> 100", "rotational": True}, "/dev/sdb"),
    ({"size": "!= 1000", "rotational": True}, "/dev/vdb"),
    ({"size": "<= 100"}, "/dev/nvme0n1"),
    ({"size": "== 2"}, "/dev/vdb"),
    ({"hctl": "1:0:0:0"}, "/dev/sdb"),
    ({"wwn": "0x5000C500DEADBEEF"}, "/dev/sda"),
    ({"vendor": "ata"}, "/dev/sda"),
    ({"vendor": "s!= ata"}, "/dev/sdb"),
    ({"name": "/dev/sdb"}, "/dev/sdb"),
    ({"name": "s== /dev/vdb"}, "/dev/vdb"),
    ({"by_path": "/dev/disk/by-path/pci-0000:01:00.0-nvme-1"}, "/dev/nvme0n1"),
    ({"tran": "usb"}, None),
]


def choose(hints: dict[str, Any], disks: list[dict[str, Any]] = DISKS, **arguments: Any):
    hardware = read_hardware({"interfaces": [], "disks": disks})
    return choose_root_disk(hardware, RootDeviceHints(**hints), **arguments)


@pytest.mark.parametrize(("hints", "name"), CASES)
def test_hints_choose_the_disk_the_agent_would(hints, name):
    if name is not None:
        assert choose(hints).name == name
        return
    with pytest.raises(BmctlError, match="no disk of the machine matches root_device") as caught:
        choose(hints)
    assert "/dev/sda (447.1 GiB, INTEL" in (caught.value.hint or "")


def test_without_hints_ties_go_by_name():
    assert choose({}, [disk("/dev/sdb", 10), disk("/dev/sda", 10)]).name == "/dev/sda"


def test_without_hints_small_disks_do_not_count():
    with pytest.raises(BmctlError, match="no disk of the machine holds 4 GiB"):
        choose({}, [disk("/dev/sda", 3.9)])


def test_a_disk_too_small_for_the_image_is_found_before_it_is_written():
    with pytest.raises(
        BmctlError, match=r"too small: /dev/nvme0n1 \(100\.0 GiB, .* for an image of 200\.0 GiB"
    ):
        choose({}, image_size=200 * GIB)


@pytest.mark.parametrize(
    "hints",
    [
        {"size": 0},
        {"size": "ten"},
        {"size": ">= -1"},
        {"size": "s== 10"},
        {"size": "<or> 1 <or> 2"},
        {"size": "<range-in> [ 1 2 ]"},
        {"size": "10.5"},
        {"model": " "},
    ],
)
def test_a_hint_that_cannot_be_read_is_refused(hints):
    with pytest.raises(InvalidError) as caught:
        check_hints(RootDeviceHints(**hints))
    assert caught.value.exit_code is ExitCode.INVALID


def _disks_for_the_agent() -> list[dict[str, Any]]:
    empty = dict.fromkeys(("model", "serial", "wwn", "rotational", "tran", "hctl", "by_path", "vendor"))
    return [empty | entry for entry in DISKS]


@pytest.mark.peer
def test_the_released_agent_chooses_the_same(agent_environment):
    """The cases above, decided by the agent's own code."""
    import json
    import subprocess

    program = (
        "import json, sys\n"
        "from ironic_python_agent.device_hints import match_root_device_hints as match\n"
        "disks, cases = json.load(sys.stdin)\n"
        "print(json.dumps([(match(disks, hints) or {}).get('name') for hints in cases]))\n"
    )
    cases = [(hints, name) for hints, name in CASES if hints]
    done = subprocess.run(
        [agent_environment / "bin/python", "-c", program],
        input=json.dumps([_disks_for_the_agent(), [hints for hints, _ in cases]]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [name for _, name in cases]


def test_a_disk_that_is_to_be_left_alone_is_not_chosen():
    keep = (RootDeviceHints(name="/dev/sda"), RootDeviceHints(size=">= 1000"))
    disks = [disk("/dev/sda", 10), disk("/dev/sdb", 2000), disk("/dev/sdc", 20)]
    assert choose({}, disks, skip=keep).name == "/dev/sdc"
    with pytest.raises(BmctlError, match="no disk of the machine"):
        choose({}, disks[:2], skip=keep)
