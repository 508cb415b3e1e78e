"""A ramdisk and loaders made of plain bytes, and an independent reader of ISO images."""

from __future__ import annotations

import io
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any

import pycdlib
import pytest

from bmctl.media.extents import ExtentFile
from bmctl.media.iso import BootMedium
from bmctl.media.kernel_line import kernel_line
from bmctl.media.loaders import LoaderFiles
from bmctl.model.firmware import Architecture
from bmctl.model.network import Attachment, Bond, Ethernet, NetworkConfig, Route, Vlan

PUBLISHER = "11111111-2222-3333-4444-555555555555"


def pattern(seed: int, length: int) -> bytes:
    """Bytes that differ from place to place, so that a shifted range is noticed."""
    return b"".join((seed * 1_000_003 + number).to_bytes(4, "little") for number in range(length // 4 + 1))[
        :length
    ]


@pytest.fixture
def loaders(tmp_path: Path) -> LoaderFiles:
    files = {
        "shim": pattern(1, 5000),
        "grub": pattern(2, 70_001),
        "mm": pattern(3, 3000),
        "isolinux": pattern(4, 24_577),
        "ldlinux": pattern(5, 9001),
        "mbr": pattern(6, 432),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return LoaderFiles(
        architecture=Architecture.X86_64,
        first=tmp_path / "shim",
        grub=tmp_path / "grub",
        mok_manager=tmp_path / "mm",
        isolinux=tmp_path / "isolinux",
        ldlinux=tmp_path / "ldlinux",
        hybrid_mbr=tmp_path / "mbr",
    )


@pytest.fixture
def medium(tmp_path: Path, loaders: LoaderFiles) -> BootMedium:
    (tmp_path / "kernel").write_bytes(pattern(7, 100_003))
    (tmp_path / "initramfs").write_bytes(pattern(8, 300_000))
    return BootMedium(
        kernel=tmp_path / "kernel",
        initramfs=tmp_path / "initramfs",
        loader=loaders,
        kernel_line=kernel_line(publisher=PUBLISHER, parameters=['motd="two words"']),
        publisher=PUBLISHER,
        timestamp=1_700_000_000,
        files={
            "openstack/latest/network_data.json": b'{"links": []}\n',
            "etc/ironic-python-agent.d/50-bmctl.conf": b"[DEFAULT]\n",
        },
    )


@pytest.fixture
def network() -> NetworkConfig:
    """Two ports in a bond, a VLAN over it, two families, several addresses."""
    mac = "52:54:00:00:00:01"
    return NetworkConfig(
        links=(
            Ethernet(name="nic0", mac=mac, mtu=9000),
            Ethernet(name="nic1", mac="52:54:00:00:00:02"),
            Bond(name="bond0", mac=mac, members=("nic0", "nic1"), transmit_hash_policy="layer3+4"),
            Vlan(name="bond0.120", mac=mac, link="bond0", vlan_id=120, mtu=1400),
        ),
        attachments=(
            Attachment(
                link="bond0.120",
                addresses=(
                    ip_interface("192.0.2.10/24"),
                    ip_interface("192.0.2.11/24"),
                    ip_interface("2001:db8::10/64"),
                ),
                routes=(
                    Route(destination=ip_network("0.0.0.0/0"), gateway=ip_address("192.0.2.1")),
                    Route(destination=ip_network("::/0"), gateway=ip_address("2001:db8::1")),
                ),
            ),
        ),
        dns=(ip_address("192.0.2.53"), ip_address("2001:db8::53")),
    )


class Image:
    """An ISO image read back by pycdlib's parser, by Rock Ridge names."""

    def __init__(self, data: bytes) -> None:
        self._iso = pycdlib.PyCdlib()
        self._iso.open_fp(io.BytesIO(data))

    @property
    def descriptor(self) -> Any:
        return self._iso.pvd

    def files(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for directory, _, names in self._iso.walk(rr_path="/"):
            for name in names:
                path = f"{directory.rstrip('/')}/{name}"
                content = io.BytesIO()
                self._iso.get_file_from_iso_fp(content, rr_path=path)
                found[path] = content.getvalue()
        return found

    def mode(self, path: str) -> int:
        return int(self._iso.file_mode(rr_path=path))

    def offset(self, path: str) -> int:
        return int(self._iso.get_record(rr_path=path).extent_location()) * 2048

    def joliet_files(self) -> set[str]:
        return {
            f"{directory.rstrip('/')}/{name}"
            for directory, _, names in self._iso.walk(joliet_path="/")
            for name in names
        }


@pytest.fixture
def read_image() -> type:
    class Reader:
        @staticmethod
        def of(source: ExtentFile | bytes) -> Image:
            return Image(source if isinstance(source, bytes) else source.read(0, source.size))

    return Reader
