"""A node's medium as a value: equal for equal values, made anew by whoever resumes its run."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(
    0, str(Path(__file__).parents[1] / "engine")
)  # for the nodes beside the world, in any import mode
from paper_node import make_node

from bmctl.boot.virtual_media import VirtualMedium
from bmctl.media.credentials import RunCredentials
from bmctl.media.loaders import find_loaders


@pytest.fixture
def medium(tmp_path) -> VirtualMedium:
    for name in ("kernel", "initramfs"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    node = make_node()
    return VirtualMedium(
        node=node,
        kernel=tmp_path / "kernel",
        initramfs=tmp_path / "initramfs",
        loader=find_loaders(node.architecture),
        credentials=RunCredentials(token="t" * 40, certificate_pem="C\n", key_pem="K\n", fingerprint="f"),
        publisher="5f0c1d2e-0000-4000-8000-000000000001",
        timestamp=1_700_000_000,
    )


def content(medium: VirtualMedium) -> bytes:
    file = medium.build()
    return file.read(0, file.size)


def test_equal_values_make_equal_bytes(medium):
    assert content(medium) == content(replace(medium))


def test_it_carries_this_run_and_this_machine(medium):
    data = content(medium)
    assert b"t" * 40 in data
    assert b"10.0.0.11" in data
    assert medium.publisher.encode() in data
    assert medium.name == "n1.iso"


def test_another_run_makes_another_medium(medium):
    assert content(medium) != content(replace(medium, publisher="5f0c1d2e-0000-4000-8000-000000000002"))
