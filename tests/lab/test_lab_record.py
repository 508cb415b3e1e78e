from __future__ import annotations

import json

import pytest

from bmctl.errors import BmctlError
from bmctl.lab import record
from bmctl.model.firmware import BootMode


def test_a_lab_reads_back_as_it_was_written(make_lab, tmp_path):
    lab = make_lab(nodes=3, nics=2, disks=2, firmware=BootMode.BIOS)
    record.save(lab)
    assert record.load(tmp_path) == lab
    assert (tmp_path / record.RECORD_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"options": {}}'])
def test_a_torn_record_is_no_lab(tmp_path, text):
    (tmp_path / record.RECORD_FILE).write_text(text)
    assert record.load(tmp_path) is None


def test_no_two_machines_share_anything(make_lab):
    nodes = make_lab(nodes=100, nics=3).nodes
    for values in (
        [node.uuid for node in nodes],
        [mac for node in nodes for mac in node.macs],
        [node.address for node in nodes],
        [node.address6 for node in nodes],
        [node.disk_serial for node in nodes],
        [node.vnc_port for node in nodes],
    ):
        assert len(set(values)) == len(values)


def test_an_unknown_machine_is_named_with_the_known_ones(make_lab):
    with pytest.raises(BmctlError, match="no machine called n9") as caught:
        make_lab(nodes=2).node("n9")
    assert caught.value.hint == "it has n1, n2"


def test_a_lab_of_another_version_can_still_be_ended(make_lab, tmp_path):
    record.save(make_lab())
    file = tmp_path / record.RECORD_FILE
    data = json.loads(file.read_text())
    file.write_text(json.dumps({**data, "pid": 5, "start_time": 6, "options": {"unheard_of": 1}}))
    assert record.load(tmp_path) is None
    assert record.find_remains(tmp_path) == record.Remains(processes=((5, 6), (1, 0)), interface="bmlab7")
    file.write_text("{")
    assert record.find_remains(tmp_path) == record.Remains()
