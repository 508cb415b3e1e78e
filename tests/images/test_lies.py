"""Images that are not what they are called: each is named in one line, before any machine is touched."""

from __future__ import annotations

import dataclasses
import gzip
import ipaddress
import struct
import threading
from pathlib import Path

import pytest

from bmctl.errors import BmctlError, InvalidError
from bmctl.images.files import hash_file
from bmctl.images.inside import check_bootable
from bmctl.images.prepare import prepare
from bmctl.images.progress import ImageStage, Meter
from bmctl.images.room import Bounds, Room
from bmctl.model.firmware import Architecture, BootMode
from bmctl.model.network import Attachment, Ethernet, NetworkConfig
from bmctl.model.node import Bmc, Instance, Node

MIB = 2**20
NODE = Node(
    name="n1",
    bmc=Bmc(address="https://192.0.2.1"),
    network=NetworkConfig(
        links=(Ethernet(name="nic0", mac="52:54:00:aa:bb:01"),),
        attachments=(Attachment(link="nic0", addresses=(ipaddress.ip_interface("192.0.2.10/24"),)),),
    ),
    instance=Instance(hostname="n1"),
)


# Messages where an image should be

MESSAGES = {
    b"\n<!DOCTYPE html><title>Sign in</title>": r"is a web page",
    b"<html><head><title>404</title>": r"is a web page",
    b'<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>': r"is an XML message \(.*NoSuchKey",
    b'{"errors": [{"code": "UNAUTHORIZED"}]}': r"is a JSON message \(.*UNAUTHORIZED",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n": r"is a pointer of Git LFS",
    b"Not Found\n": r"is text \(Not Found\)",
    "L’image n’existe pas".encode(): r"is text \(L’image n’existe pas\)",
}


@pytest.mark.parametrize(("content", "text"), MESSAGES.items())
async def test_a_message_that_a_server_gives_with_200(publisher, tools, tmp_path, content, text):
    publisher.files["/disk.raw"] = content
    with pytest.raises(InvalidError, match=text):
        await prepare(tools.source(f"{publisher.base}/disk.raw", checksum="0" * 64), cache=tmp_path)


@pytest.mark.parametrize(("content", "text"), MESSAGES.items())
async def test_a_message_in_a_file_and_in_a_packed_one(tools, tmp_path, content, text):
    for name, data in (("disk.raw", content), ("disk.raw.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidError, match=text):
            await prepare(tools.source(tmp_path / name), cache=tmp_path / "cache")


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream"])
async def test_a_redirect_to_a_login_page_names_that_page(publisher, tools, tmp_path, kind):
    publisher.redirects["/disk.raw"] = "/login?return=disk.raw"
    publisher.files["/login"] = b"<html><form>"
    publisher.types["/login"] = kind
    with pytest.raises(InvalidError, match=r"redirected to http://127.*/login\)") as caught:
        await prepare(tools.source(f"{publisher.base}/disk.raw", checksum="0" * 64), cache=tmp_path)
    assert "is a web page" in caught.value.message
    assert "return=" not in caught.value.message


async def test_a_large_download_of_the_wrong_kind_is_ended_early(publisher, tools, tmp_path):
    publisher.files["/disk.raw"] = b"\0" * 32769 + b"CD001" + bytes(64 * MIB)
    seen = []
    with pytest.raises(InvalidError, match="is an ISO"):
        await prepare(
            tools.source(f"{publisher.base}/disk.raw", checksum="0" * 64),
            cache=tmp_path,
            progress=lambda progress: seen.append(progress.done),
        )
    assert max(seen, default=0) < 32 * MIB


async def test_a_page_instead_of_the_checksum_file(disk, publisher, tools, tmp_path):
    publisher.files["/SHA256SUMS"] = b"<!DOCTYPE html><title>Sign in</title>"
    wanted = tools.source(disk, checksum=f"{publisher.base}/SHA256SUMS")
    with pytest.raises(InvalidError, match=r"checksum file is a web page \(http://127.*/SHA256SUMS\)"):
        await prepare(wanted, cache=tmp_path)


# Files of another kind


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (("-O", "vmdk"), "VMDK"),
        (("-O", "vpc"), "VHD"),
        (("-O", "vpc", "-o", "subformat=fixed"), "VHD"),
        (("-O", "vhdx"), "VHDX"),
        (("-O", "vdi"), "VDI"),
        (("-O", "qed"), "QED"),
    ],
)
async def test_disk_images_of_other_hypervisors(disk, tools, tmp_path, options, kind):
    tools.needs("qemu-img")
    made = tmp_path / "disk.qcow2"
    tools.run("qemu-img", "convert", *options, disk, made)
    with pytest.raises(InvalidError, match=f"is a {kind} image, which bmctl does not write"):
        await prepare(tools.source(made), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("tar", "-cf", "{made}", "-C", "{folder}", "file"), "a tar archive"),
        (("bzip2", "-k", "{folder}/file"), "bzip2-compressed"),
        (("xorriso", "-as", "mkisofs", "-o", "{made}", "{folder}"), "is an ISO"),
    ],
)
async def test_archives_and_isos(tools, tmp_path, command, kind):
    tools.needs(command[0])
    folder, made = tmp_path / "content", tmp_path / "made.raw"
    folder.mkdir()
    (folder / "file").write_bytes(b"content" * 1000)
    tools.run(*(word.format(made=made, folder=folder) for word in command))
    found = made if made.exists() else folder / "file.bz2"
    with pytest.raises(InvalidError, match=kind):
        await prepare(tools.source(found), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("mkfs.vfat",), "a FAT file system"),
        (("mkfs.ext4", "-q"), "an ext2, ext3 or ext4 file system"),
        (("mkswap", "-q"), "swap space"),
    ],
)
async def test_one_partition_is_not_a_disk(tools, tmp_path, command, kind):
    tools.needs(command[0])
    made = tmp_path / "part.raw"
    with made.open("wb") as file:
        file.truncate(16 * MIB)
    tools.run(*command, made)
    image = await prepare(tools.source(made), cache=tmp_path)
    with pytest.raises(InvalidError, match=f"image debian is {kind}: it has no partition table"):
        check_bootable(image, NODE)


async def test_an_image_inside_another(disk, qcow2, tools, tmp_path):
    tools.needs("qemu-img")
    for inner, text in ((qcow2, "holds another qcow2"), (tmp_path / "page", "is a web page")):
        if not inner.exists():
            inner.write_bytes(b"<html>".ljust(4096))
        made = tmp_path / "outer.qcow2"
        tools.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", inner, made)
        with pytest.raises(InvalidError, match=text):
            await prepare(tools.source(made), cache=tmp_path / "cache")


# qcow2 that is not safe to convert


async def test_an_encrypted_qcow2(tools, tmp_path):
    tools.needs("qemu-img")
    made = tmp_path / "made.qcow2"
    secret = ("--object", "secret,id=key,data=abc")
    tools.run(
        "qemu-img", "create", *secret, "-f", "qcow2",
        "-o", "encrypt.format=aes,encrypt.key-secret=key", made, "1M",
    )  # fmt: skip
    with pytest.raises(InvalidError, match="is encrypted"):
        await prepare(tools.source(made), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("bit", "text"), [(1, "marked as corrupt"), (2, "in another file"), (40, "not known")]
)
async def test_a_qcow2_with_features_that_are_not_safe(qcow2, tools, tmp_path, bit, text):
    data = bytearray(qcow2.read_bytes())
    struct.pack_into(">Q", data, 72, 1 << bit)
    made = tmp_path / "made.qcow2"
    made.write_bytes(data)
    with pytest.raises(InvalidError, match=text):
        await prepare(tools.source(made), cache=tmp_path / "cache")


# Bombs, and hosts without room

SMALL = Bounds(unasked=MIB)


@pytest.mark.parametrize("command", [("gzip", "-k"), ("xz", "-k1"), ("zstd", "-q")])
async def test_a_decompression_bomb_is_stopped_early(tools, tmp_path, command):
    tools.needs(command[0])
    content = tmp_path / "disk.raw"
    content.write_bytes(b"\xff" * 48 * MIB)
    tools.run(*command, content)
    (packed,) = tmp_path.glob("disk.raw.*")
    with pytest.raises(InvalidError, match=r"unpacks to more than 200 times its .* kB: a decompression bomb"):
        await prepare(tools.source(packed), cache=tmp_path / "cache", bounds=SMALL)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.suffix in {".part", ".raw"}] == []


async def test_zeros_are_no_bomb(tools, tmp_path):
    made = tmp_path / "disk.raw.gz"
    made.write_bytes(gzip.compress(bytes(64 * MIB)))
    image = await prepare(tools.source(made), cache=tmp_path / "cache", bounds=SMALL)
    assert image.path.stat().st_blocks == 0


async def test_a_qcow2_that_repeats_one_cluster_is_a_bomb(tools, tmp_path):
    tools.needs("qemu-img", "qemu-io")
    made = tmp_path / "made.qcow2"
    tools.run("qemu-img", "create", "-q", "-f", "qcow2", made, "512M")
    tools.run("qemu-io", "-c", "write -P 255 0 64k", made)
    data = bytearray(made.read_bytes())
    (first,) = struct.unpack_from(">Q", data, 40)
    (entry,) = struct.unpack_from(">Q", data, first)
    second = entry & 0x00FFFFFFFFFFFE00
    data[second : second + 65536] = data[second : second + 8] * 8192
    made.write_bytes(data)
    with pytest.raises(InvalidError, match="a decompression bomb"):
        await prepare(tools.source(made), cache=tmp_path / "cache", bounds=SMALL)


def test_what_does_not_fit_is_refused_before_it_is_written(tmp_path):
    room = Room(tmp_path, name="disk.qcow2", packed=2**60, bounds=Bounds(largest=2**62))
    with pytest.raises(BmctlError, match=r"disk\.qcow2 needs .* in .*, which has .* free") as caught:
        room.want(2**61, 2**60)
    assert "BMCTL_CACHE" in (caught.value.hint or "")
    room.want(2**61, 4096)


# Disks that would not boot


def esp_disk(tools, tmp_path, loader, content=None):
    path = tools.partition(tmp_path / "disk.raw", "label: gpt\nsize=8MiB, type=uefi\n", 12 * MIB)
    tools.add_esp(path, loader, size=8 * MIB, fat=12, content=content)
    return path


async def test_an_esp_without_a_file_system(tools, tmp_path):
    path = tools.partition(tmp_path / "disk.raw", "label: gpt\nsize=8MiB, type=uefi\n")
    image = await prepare(tools.source(path), cache=tmp_path)
    with pytest.raises(InvalidError, match="no boot loader for UEFI"):
        check_bootable(image, NODE)


async def test_an_esp_without_a_loader(tools, tmp_path):
    image = await prepare(tools.source(esp_disk(tools, tmp_path, "readme.txt")), cache=tmp_path)
    with pytest.raises(InvalidError, match="no boot loader for UEFI"):
        check_bootable(image, NODE)


async def test_a_loader_of_another_architecture(tools, tmp_path):
    image = await prepare(tools.source(esp_disk(tools, tmp_path, "BOOTAA64.EFI")), cache=tmp_path)
    with pytest.raises(InvalidError, match="is for aarch64, and n1 is x86_64"):
        check_bootable(image, NODE)
    check_bootable(image, dataclasses.replace(NODE, architecture=Architecture.AARCH64))


async def test_the_program_counts_and_not_its_name(tools, tmp_path):
    path = esp_disk(tools, tmp_path, "BOOTX64.EFI", tools.program(0x014C))
    with pytest.raises(InvalidError, match=r"is for x86 \(32 bits\), and n1 is x86_64"):
        check_bootable(await prepare(tools.source(path), cache=tmp_path), NODE)


async def test_a_loader_that_is_no_program(tools, tmp_path):
    path = esp_disk(tools, tmp_path, "BOOTX64.EFI", b"to be replaced by the build\n")
    with pytest.raises(InvalidError, match=r"damaged boot loader: EFI/BOOT/BOOTX64\.EFI is no program"):
        check_bootable(await prepare(tools.source(path), cache=tmp_path), NODE)


async def test_the_shim_of_a_distribution_is_known_wherever_it_lies(tools, tmp_path):
    shim = Path("/usr/lib/shim/shimx64.efi.signed")
    if not shim.exists():
        pytest.skip("needs shim-signed")
    path = esp_disk(tools, tmp_path, "SHIMX64.EFI", shim.read_bytes())
    image = await prepare(tools.source(path), cache=tmp_path)
    assert [loader.machine for loader in image.loaders] == ["x86_64"]
    check_bootable(image, NODE)


async def test_a_bios_machine_asks_for_no_loader(tools, tmp_path):
    path = tools.partition(tmp_path / "disk.raw", "label: dos\ntype=83, bootable\n")
    with path.open("r+b") as file:
        file.write(b"\xeb\x63\x90")
    image = await prepare(tools.source(path), cache=tmp_path)
    check_bootable(image, dataclasses.replace(NODE, boot_mode=BootMode.BIOS))


# Files that change


class _Writer(Meter):
    """Changes the file once, while it is read."""

    def __init__(self, path):
        super().__init__(ImageStage.VERIFY)
        self._path, self._once = path, threading.Event()

    def add(self, count):
        super().add(count)
        if not self._once.is_set():
            self._once.set()
            with self._path.open("r+b") as file:
                file.write(b"changed")


def test_a_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "disk.raw"
    path.write_bytes(bytes(3 * MIB))
    with pytest.raises(InvalidError, match=r"disk\.raw changed while it was read"):
        hash_file(path, {"sha256"}, _Writer(path))


async def test_a_file_that_changes_while_it_is_converted(disk, tools, tmp_path):
    packed = tmp_path / "disk.raw.gz"
    packed.write_bytes(gzip.compress(disk.read_bytes(), 1))

    def change(progress):
        if progress.stage is ImageStage.UNPACK:
            packed.touch()

    with pytest.raises(InvalidError, match="changed while it was read"):
        await prepare(tools.source(packed), cache=tmp_path / "cache", progress=change)


async def test_a_changed_file_whose_time_was_put_back_is_read_again(disk, tools, tmp_path):
    import os

    copy = tmp_path / "copy.raw"
    copy.write_bytes(disk.read_bytes())
    before = await prepare(tools.source(copy), cache=tmp_path / "cache")
    status = copy.stat()
    with copy.open("r+b") as file:
        file.seek(20 * MIB)
        file.write(b"changed")
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = await prepare(tools.source(copy), cache=tmp_path / "cache")
    assert after.checksum != before.checksum
