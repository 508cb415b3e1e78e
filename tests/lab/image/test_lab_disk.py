from __future__ import annotations

import json
import shutil
import subprocess
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.lab.image import gpt
from bmctl.lab.image.disk import assemble


@given(
    st.integers(100, 5000), st.integers(1, 9000), st.text(max_size=36).filter(lambda text: "\0" not in text)
)
def test_both_tables_check_out_and_mirror_each_other(first, sectors, name):
    if len(name.encode("utf-16-le", "ignore")) > 72 or not name.isprintable():
        name = "part"
    part = gpt.Partition(
        kind=gpt.EFI_SYSTEM, identity=uuid.UUID(int=5), first=first, sectors=sectors, name=name
    )
    total = first + sectors + 40
    table = gpt.partition_table(uuid.UUID(int=9), (part,), total)
    primary = gpt.HEADER.unpack_from(table.front, gpt.SECTOR)
    backup = gpt.HEADER.unpack_from(table.back, len(table.back) - gpt.SECTOR)
    assert (primary[5], primary[6]) == (backup[6], backup[5]) == (1, total - 1)
    assert backup[10] == total - 1 - gpt.TABLE_SECTORS
    entries = table.front[2 * gpt.SECTOR :]
    assert entries == table.back[: -gpt.SECTOR]
    kind, _, start, end, _, written = gpt.ENTRY.unpack_from(entries)
    assert (uuid.UUID(bytes_le=kind), start, end) == (gpt.EFI_SYSTEM, first, first + sectors - 1)
    assert written.decode("utf-16-le").rstrip("\0") == name


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("sfdisk") is None, reason="sfdisk is not installed")
def test_others_read_the_disk(tmp_path):
    esp, root, disk = tmp_path / "esp", tmp_path / "root", tmp_path / "disk"
    esp.write_bytes(b"E" * 3_000_000)
    root.write_bytes(b"R" * 5_000_000 + bytes(2_000_000) + b"S")
    told = []
    assemble(disk, esp=esp, root=root, tell=lambda done, total: told.append((done, total)))
    said = subprocess.run(["sfdisk", "--json", str(disk)], capture_output=True, text=True, check=True)
    table = json.loads(said.stdout)["partitiontable"]
    assert said.stderr == ""
    assert [each["name"] for each in table["partitions"]] == ["EFI system", "root"]
    content = disk.read_bytes()
    for source, part in zip((esp, root), table["partitions"], strict=True):
        start = part["start"] * gpt.SECTOR
        assert content[start : start + source.stat().st_size] == source.read_bytes()
    assert told[-1][0] == esp.stat().st_size // 512 * 512 + root.stat().st_size or told[-1][0] <= told[-1][1]
