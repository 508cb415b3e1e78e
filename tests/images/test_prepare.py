"""From what the inventory names to a raw file that is proven."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil

import pytest

from bmctl.errors import BmctlError, InvalidError, UnreachableError
from bmctl.images.prepare import prepare
from bmctl.images.progress import ImageStage
from bmctl.images.room import Bounds
from bmctl.model.image import Compression, ImageFormat


async def test_a_raw_local_image_is_used_where_it_lies(disk, tools, tmp_path):
    image = await prepare(tools.source(disk), cache=tmp_path)
    assert image.path == disk
    assert image.checksum.value == tools.digest(disk)
    assert image.size == disk.stat().st_size
    assert image.source_checksum == image.checksum
    assert not image.verified
    assert image.esp
    assert [(loader.name, loader.machine) for loader in image.loaders] == [("BOOTX64.EFI", "x86_64")]


@pytest.mark.parametrize(
    ("ending", "compression", "kind"),
    [
        ("gz", Compression.GZIP, ImageFormat.RAW),
        ("xz", Compression.XZ, ImageFormat.RAW),
        ("zst", Compression.ZSTD, ImageFormat.RAW),
        ("qcow2.gz", Compression.GZIP, ImageFormat.QCOW2),
    ],
)
async def test_packed_images_give_the_same_raw_bytes(
    disk, packed, tools, tmp_path, ending, compression, kind
):
    # Content decides: the name says nothing, or lies.
    renamed = tmp_path / "image.iso"
    shutil.copy(packed[ending], renamed)
    image = await prepare(
        tools.source(renamed, checksum=tools.digest(renamed, "sha512").upper()), cache=tmp_path / "cache"
    )
    assert image.path.read_bytes() == disk.read_bytes()
    assert image.checksum.value == tools.digest(disk)
    assert image.source_checksum.algorithm == "sha512"
    assert (image.verified, image.compression, image.format) == (True, compression, kind)


async def test_a_qcow2_is_converted_once_and_sparsely(disk, qcow2, tools, tmp_path):
    stages: list[ImageStage] = []
    first = await prepare(
        tools.source(qcow2), cache=tmp_path, progress=lambda seen: stages.append(seen.stage)
    )
    assert first.path.read_bytes() == disk.read_bytes()
    assert first.path.stat().st_blocks * 512 < first.size
    assert ImageStage.CONVERT in stages
    stages.clear()
    second = await prepare(
        tools.source(qcow2), cache=tmp_path, progress=lambda seen: stages.append(seen.stage)
    )
    assert second == first
    assert stages == []


async def test_a_changed_file_is_read_again(disk, tools, tmp_path):
    copy = tmp_path / "copy.raw"
    shutil.copy(disk, copy)
    before = await prepare(tools.source(copy), cache=tmp_path)
    with copy.open("r+b") as file:
        file.seek(20 * 2**20)
        file.write(b"changed")
    after = await prepare(tools.source(copy), cache=tmp_path)
    assert after.checksum != before.checksum
    assert after.checksum.value == tools.digest(copy)


async def test_the_same_content_under_another_name_is_not_converted_again(qcow2, tools, tmp_path):
    first = await prepare(tools.source(qcow2), cache=tmp_path / "cache")
    shutil.copy(qcow2, tmp_path / "again.img")
    second = await prepare(tools.source(tmp_path / "again.img"), cache=tmp_path / "cache")
    assert second.path == first.path


async def test_a_wrong_checksum_is_named_with_both_values(disk, tools, tmp_path):
    with pytest.raises(InvalidError, match=f"sha256 {tools.digest(disk)}, expected {'0' * 64}"):
        await prepare(tools.source(disk, checksum="0" * 64), cache=tmp_path)


async def test_a_checksum_file_beside_the_image(disk, tools, tmp_path):
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{'1' * 64}  other.raw\n{tools.digest(disk)} *./disk.raw\n")
    assert (await prepare(tools.source(disk, checksum=str(sums)), cache=tmp_path)).verified
    with pytest.raises(InvalidError, match=r"checksum file .* cannot be read"):
        await prepare(tools.source(disk, checksum=str(tmp_path / "none")), cache=tmp_path)


async def test_a_missing_file_is_one_clear_line(tools, tmp_path):
    with pytest.raises(InvalidError, match=r"there is no file .*none\.raw"):
        await prepare(tools.source(tmp_path / "none.raw"), cache=tmp_path)


async def test_a_fetched_image_is_verified_and_kept(disk, packed, publisher, tools, tmp_path):
    publisher.files["/disk.raw.zst"] = packed["zst"].read_bytes()
    publisher.files["/SUMS"] = f"SHA512 (disk.raw.zst) = {tools.digest(packed['zst'], 'sha512')}\n".encode()
    publisher.redirects["/latest/disk.raw.zst"] = "/disk.raw.zst"
    wanted = tools.source(f"{publisher.base}/latest/disk.raw.zst", checksum=f"{publisher.base}/SUMS")
    done: list[tuple[ImageStage, int]] = []
    image = await prepare(wanted, cache=tmp_path, progress=lambda seen: done.append((seen.stage, seen.done)))
    assert image.path.read_bytes() == disk.read_bytes()
    assert (ImageStage.FETCH, packed["zst"].stat().st_size) in done
    publisher.files.pop("/disk.raw.zst")
    assert await prepare(wanted, cache=tmp_path) == image


async def test_a_url_without_checksum_is_refused_before_it_is_fetched(publisher, tools, tmp_path):
    with pytest.raises(InvalidError, match="no checksum, and comes from a URL"):
        await prepare(tools.source(f"{publisher.base}/disk.raw"), cache=tmp_path)
    assert publisher.requests == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/none.raw", "answered 404"),
        ("/page.raw", "is a web page"),
        ("/hidden-page.raw", "is a web page"),
        ("/wrong.raw", "is not the one its checksum is of"),
        ("/empty.raw", "is empty"),
    ],
)
async def test_what_a_server_can_get_wrong(publisher, tools, tmp_path, path, text):
    publisher.files |= {
        "/page.raw": b"x",
        "/hidden-page.raw": b"\n<!DOCTYPE html><title>log in</title>",
        "/wrong.raw": b"y\0" * 5000,
        "/empty.raw": b"",
    }
    publisher.types["/page.raw"] = "text/html"
    with pytest.raises(InvalidError, match=text):
        await prepare(tools.source(publisher.base + path, checksum="0" * 64), cache=tmp_path)
    assert list(tmp_path.rglob("*.part")) == []


async def test_a_download_that_breaks_off_leaves_nothing(publisher, tools, tmp_path):
    publisher.files["/disk.raw"] = b"z\0" * 1_500_000
    publisher.cut.add("/disk.raw")
    with pytest.raises(UnreachableError, match="broke off"):
        await prepare(tools.source(f"{publisher.base}/disk.raw", checksum="0" * 64), cache=tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.suffix in {".part", ".raw"}] == []


async def test_an_unreachable_server_is_named_without_its_password(tools, tmp_path, unused_port):
    url = f"http://user:hunter22@127.0.0.1:{unused_port}/disk.raw?key=hunter22"
    with pytest.raises(UnreachableError, match="cannot be reached") as caught:
        await prepare(tools.source(url, checksum="0" * 64), cache=tmp_path)
    assert "hunter22" not in caught.value.message


@pytest.mark.parametrize("ending", ["gz", "xz", "zst"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.999])
async def test_a_packed_image_cut_short_is_noticed(packed, tools, tmp_path, ending, part):
    data = packed[ending].read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(InvalidError, match="cut short"):
        await prepare(tools.source(cut), cache=tmp_path / "cache")


async def test_a_damaged_packed_image_is_noticed(packed, tools, tmp_path):
    data = bytearray(packed["gz"].read_bytes())
    data[len(data) // 2] ^= 0xFF
    damaged = tmp_path / "damaged"
    damaged.write_bytes(data)
    with pytest.raises(InvalidError, match=r"damaged|cut short"):
        await prepare(tools.source(damaged), cache=tmp_path / "cache")


async def test_a_raw_image_cut_short_is_noticed(disk, tools, tmp_path):
    cut = tmp_path / "cut.raw"
    cut.write_bytes(disk.read_bytes()[:-4096])
    with pytest.raises(InvalidError, match="cut short: its partition table speaks of"):
        await prepare(tools.source(cut), cache=tmp_path / "cache")


async def test_a_qcow2_cut_short_is_noticed(qcow2, tools, tmp_path):
    cut = tmp_path / "cut.qcow2"
    cut.write_bytes(qcow2.read_bytes()[: qcow2.stat().st_size - 2**18])
    with pytest.raises(InvalidError, match="cut short"):
        await prepare(tools.source(cut), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("-b", "{disk}", "-F", "raw"), "backing file"),
        (("-o", "data_file={other}", "{size}"), "another file"),
    ],
)
async def test_a_qcow2_that_needs_other_files_is_refused(disk, tools, tmp_path, options, text):
    tools.needs("qemu-img")
    made = tmp_path / "made.qcow2"
    words = [word.format(disk=disk, other=tmp_path / "other.raw", size=2**20) for word in options]
    head, tail = (words[:-1], words[-1:]) if "data_file" in words[1] else (words, [])
    tools.run("qemu-img", "create", "-q", "-f", "qcow2", *head, made, *tail)
    with pytest.raises(InvalidError, match=text):
        await prepare(tools.source(made), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    "options",
    [
        ("-o", "compat=0.10"),
        ("-o", "preallocation=metadata"),
        ("-o", "cluster_size=4k"),
        ("-o", "extended_l2=on"),
        ("-c", "-o", "cluster_size=4k"),
        ("-c", "-o", "cluster_size=2M,compression_type=zstd"),
        ("-c", "-o", "extended_l2=on"),
    ],
)
async def test_every_kind_of_qcow2_reads_the_same(disk, tools, tmp_path, options):
    tools.needs("qemu-img")
    made = tmp_path / "made.qcow2"
    tools.run("qemu-img", "convert", *options, "-O", "qcow2", disk, made)
    image = await prepare(tools.source(made), cache=tmp_path / "cache")
    assert image.checksum.value == tools.digest(disk)


async def test_several_packed_streams_end_to_end_are_one_image(disk, tools, tmp_path):
    data = disk.read_bytes()
    joined = tmp_path / "joined"
    joined.write_bytes(
        gzip.compress(data[: 9 * 2**20], 1) + gzip.compress(data[9 * 2**20 :], 1) + bytes(1024)
    )
    image = await prepare(tools.source(joined), cache=tmp_path / "cache")
    assert image.checksum.value == tools.digest(disk)


@pytest.mark.parametrize("ending", ["gz", "xz", "zst", "qcow2.gz"])
async def test_an_image_that_unpacks_to_too_much_is_stopped(packed, tools, tmp_path, ending):
    with pytest.raises(InvalidError, match="is larger than"):
        await prepare(tools.source(packed[ending]), cache=tmp_path, bounds=Bounds(largest=2**20))
    assert list(tmp_path.rglob("*.part")) == []


async def test_other_formats_are_named(tools, tmp_path):
    zipped = tmp_path / "disk.raw"
    zipped.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(InvalidError, match="is a zip archive"):
        await prepare(tools.source(zipped), cache=tmp_path)


async def test_two_at_once_make_one(qcow2, tools, tmp_path):
    stages: list[ImageStage] = []
    source = tools.source(qcow2)
    first, second = await asyncio.gather(
        *(prepare(source, cache=tmp_path, progress=lambda seen: stages.append(seen.stage)) for _ in range(2))
    )
    assert first == second
    assert list(tmp_path.rglob("*.part")) == []


async def test_what_a_killed_conversion_left_is_removed(qcow2, tools, tmp_path):
    image = await prepare(tools.source(qcow2), cache=tmp_path)
    leftover = image.path.with_suffix(".converted.part")
    leftover.write_bytes(b"half")
    image.path.unlink()
    again = await prepare(tools.source(qcow2), cache=tmp_path)
    assert again.path.exists()
    assert not leftover.exists()


async def test_cancelled_it_leaves_nothing(packed, tools, tmp_path):
    started = asyncio.Event()
    task = asyncio.create_task(
        prepare(tools.source(packed["xz"]), cache=tmp_path, progress=lambda _: started.set())
    )
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.rglob("*.part")) == []


async def test_a_missing_qemu_img_is_named(qcow2, tools, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BmctlError, match="qemu-img is needed") as caught:
        await prepare(tools.source(qcow2), cache=tmp_path)
    assert "qemu-utils" in (caught.value.hint or "")


async def test_a_file_name_is_never_taken_for_an_option(qcow2, tools, tmp_path):
    odd = tmp_path / "nbd:host,driver=raw.img"
    shutil.copy(qcow2, odd)
    image = await prepare(tools.source(odd), cache=tmp_path / "cache")
    assert image.esp


async def test_a_weak_checksum_that_was_asked_for_still_gives_the_agent_a_strong_one(disk, tools, tmp_path):
    wanted = tools.source(disk, checksum=tools.digest(disk, "md5"), allow_weak_checksum=True)
    image = await prepare(wanted, cache=tmp_path)
    assert (image.source_checksum.algorithm, image.checksum.algorithm) == ("md5", "sha256")


async def test_an_unreadable_directory_is_one_clear_line(tools, tmp_path):
    (tmp_path / "cache").write_text("a file where the cache should be")
    with pytest.raises(InvalidError, match="image debian"):
        await prepare(tools.source(os.devnull), cache=tmp_path / "cache")
