from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import zstandard

from bmctl.errors import BmctlError
from bmctl.lab.image.build import DiskFormat, build_image
from bmctl.lab.requirements import require_image

pytestmark = pytest.mark.e2e


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def test_the_image_is_a_whole_disk_and_built_once(tmp_path):
    try:
        require_image()
    except BmctlError as error:
        pytest.skip(str(error))
    stages = []
    image = build_image(tmp_path, stages.append)
    assert stages[-1].done == stages[-1].total
    path = Path(image.path)
    assert digest(path) == image.sha256
    assert path.with_name(f"{path.name}.sha256").read_text() == f"{image.sha256}  {path.name}\n"
    listing = subprocess.run(["sfdisk", "--json", path], capture_output=True, text=True, check=True)
    esp, root = json.loads(listing.stdout)["partitiontable"]["partitions"]
    assert esp["type"] == "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
    said = subprocess.run(
        ["mdir", "-b", "-i", f"{path}@@{esp['start'] * 512}", "::/EFI/BOOT"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "::/EFI/BOOT/BOOTX64.EFI" in said.stdout
    check = subprocess.run(
        ["e2fsck", "-fn", f"{path}?offset={root['start'] * 512}"], capture_output=True, check=False
    )
    assert check.returncode == 0, check.stdout
    stages.clear()
    assert build_image(tmp_path, stages.append) == image
    assert stages == []
    packed = build_image(tmp_path, stages.append, disk_format=DiskFormat.ZSTD)
    assert packed.disk_size == image.size
    with Path(packed.path).open("rb") as stream:
        content = zstandard.ZstdDecompressor().stream_reader(stream)
        assert hashlib.file_digest(content, "sha256").hexdigest() == image.sha256
    assert sorted(each.suffix for each in tmp_path.iterdir() if each.is_dir()) == []
