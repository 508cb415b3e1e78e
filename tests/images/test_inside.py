"""Partition tables, EFI system partitions and loaders, read from images made by the usual tools."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmctl.errors import InvalidError
from bmctl.images.inside import check_bootable
from bmctl.images.loaders import Loader, read_loaders
from bmctl.images.partitions import TableKind, read_partitions
from bmctl.images.prepare import prepare
from bmctl.model.firmware import Architecture, BootMode
from bmctl.model.network import Attachment, Ethernet, NetworkConfig
from bmctl.model.node import Bmc, Instance, Node

MIB = 2**20
NETWORK = NetworkConfig(
    links=(Ethernet(name="nic0", mac="52:54:00:aa:bb:01"),),
    attachments=(Attachment(link="nic0", addresses=(ipaddress.ip_interface("192.0.2.10/24"),)),),
)
NODE = Node(
    name="n1", bmc=Bmc(address="https://192.0.2.1"), network=NETWORK, instance=Instance(hostname="n1")
)


def test_gpt_partitions_as_sfdisk_made_them(disk):
    table = read_partitions(disk, name="disk")
    assert table is not None
    assert (table.kind, table.sector) == (TableKind.GPT, 512)
    assert table.esp is not None
    assert (table.esp.offset, table.esp.size, table.esp.number) == (MIB, 16 * MIB, 1)
    assert len(table.partitions) == 2


def test_gpt_of_a_disk_with_4096_byte_sectors(tmp_path, tools):
    path = tmp_path / "large-sectors.raw"
    with path.open("wb") as file:
        file.truncate(24 * MIB)
    tools.needs("fdisk")
    tools.run("fdisk", "-b", "4096", path, input=b"g\nn\n1\n\n+8M\nt\nuefi\nw\n")
    table = read_partitions(path, name="disk")
    assert table is not None
    assert table.sector == 4096
    assert table.esp is not None
    assert (table.esp.offset, table.esp.size) == (MIB, 8 * MIB)


def test_mbr_with_an_esp(tmp_path, tools):
    path = tools.partition(tmp_path / "mbr.raw", "label: dos\nsize=8MiB, type=ef\ntype=83\n")
    table = read_partitions(path, name="disk")
    assert table is not None
    assert table.kind is TableKind.MBR
    assert table.esp is not None
    assert table.esp.size == 8 * MIB
    assert not table.boot_code


def test_a_file_system_alone_is_no_partition_table(tmp_path, tools):
    tools.needs("mkfs.vfat")
    path = tmp_path / "fat.raw"
    with path.open("wb") as file:
        file.truncate(8 * MIB)
    tools.run("mkfs.vfat", path)
    assert read_partitions(path, name="disk") is None


@pytest.mark.parametrize(("fat", "size"), [(12, 4 * MIB), (16, 16 * MIB), (32, 36 * MIB)])
def test_loaders_are_found_in_every_kind_of_fat(tmp_path, tools, fat, size):
    script = f"label: gpt\nsize={size // MIB}MiB, type=uefi\n"
    path = tools.partition(tmp_path / "disk.raw", script, size + 4 * MIB)
    tools.add_esp(path, "bootaa64.efi", size=size, fat=fat)
    assert read_loaders(path, read_partitions(path, name="disk")) == (
        Loader(path="EFI/BOOT/BOOTAA64.EFI", machine="aarch64"),
    )


def test_an_esp_without_a_file_system_has_no_loaders(tmp_path, tools):
    path = tools.partition(tmp_path / "disk.raw", "label: gpt\nsize=8MiB, type=uefi\n")
    assert read_loaders(path, read_partitions(path, name="disk")) == ()


@pytest.mark.parametrize(
    ("position", "text"), [(512 + 40, "GPT header is wrong"), (1024 + 40, "checksum is wrong")]
)
def test_a_damaged_gpt_is_noticed(disk, tmp_path, position, text):
    data = bytearray(disk.read_bytes())
    data[position] ^= 1
    path = tmp_path / "damaged.raw"
    path.write_bytes(data)
    with pytest.raises(InvalidError, match=text):
        read_partitions(path, name="disk")


def test_a_gpt_header_that_is_gone_is_noticed(disk, tmp_path):
    data = bytearray(disk.read_bytes())
    data[512:1024] = bytes(512)
    path = tmp_path / "gone.raw"
    path.write_bytes(data)
    with pytest.raises(InvalidError, match="GPT header is missing"):
        read_partitions(path, name="disk")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2 * MIB), st.binary(min_size=1, max_size=64)), max_size=4),
    st.integers(0, MIB + 4096),
)
def test_any_damage_gives_a_table_or_one_clear_error(disk, tmp_path, changes, cut):
    data = bytearray(disk.read_bytes()[: 2 * MIB])
    for position, junk in changes:
        data[position : position + len(junk)] = junk
    path = tmp_path / "any.raw"
    with path.open("wb") as file:
        file.write(data)
        file.truncate(24 * MIB - cut)
    with contextlib.suppress(InvalidError):
        read_loaders(path, read_partitions(path, name="disk"))


async def test_a_uefi_machine_needs_an_esp(tmp_path, tools):
    path = tools.partition(tmp_path / "disk.raw", "label: gpt\ntype=linux\n")
    image = await prepare(tools.source(path), cache=tmp_path)
    with pytest.raises(InvalidError, match=r"no EFI system partition .*UEFI") as caught:
        check_bootable(image, NODE)
    assert "boot_mode: bios" in (caught.value.hint or "")


async def test_the_architecture_must_fit(disk, tools, tmp_path):
    image = await prepare(tools.source(disk), cache=tmp_path)
    check_bootable(image, NODE)
    with pytest.raises(InvalidError, match="is for x86_64, and n1 is aarch64"):
        check_bootable(image, dataclasses.replace(NODE, architecture=Architecture.AARCH64))


async def test_a_bios_machine_needs_boot_code(disk, tools, tmp_path):
    bios = dataclasses.replace(NODE, boot_mode=BootMode.BIOS)
    with pytest.raises(InvalidError, match="no boot code for BIOS"):
        check_bootable(await prepare(tools.source(disk), cache=tmp_path), bios)
    both = tmp_path / "both.raw"
    data = bytearray(disk.read_bytes())
    data[:4] = b"\xeb\x63\x90\x90"
    both.write_bytes(data)
    check_bootable(await prepare(tools.source(both), cache=tmp_path), bios)


async def test_a_file_system_alone_cannot_boot(tools, tmp_path):
    plain = tmp_path / "plain.raw"
    plain.write_bytes(bytes(MIB))
    image = await prepare(tools.source(plain), cache=tmp_path)
    with pytest.raises(InvalidError, match="no partition table"):
        check_bootable(image, NODE)
