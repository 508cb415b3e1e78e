"""Checksums that are found beside an image, and what a description leaves open."""

from __future__ import annotations

import pytest

from bmctl.errors import InvalidError
from bmctl.images.prepare import prepare
from bmctl.images.weakness import warnings_of
from bmctl.model.image import AUTO, ImageSource, Signature, SignedPart, TrustedKey

DIGEST = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
SIGNATURE = Signature(of=SignedPart.IMAGE, keys=(TrustedKey(name="k"),), source="/srv/disk.raw.sig")


@pytest.mark.parametrize("name", ["disk.raw.sha256", "disk.raw.sha512sum", "SHA256SUMS", "SHA512SUMS"])
async def test_a_checksum_file_beside_a_published_image(disk, publisher, tools, tmp_path, name):
    digest = tools.digest(disk, name.lower()[-6:] if name.endswith("256") else _algorithm(name))
    publisher.files |= {
        "/13/disk.raw": disk.read_bytes(),
        f"/13/{name}": f"{digest}  disk.raw\n".encode(),
        "/13/disk.raw.sha512": b"<html>not here",
    }
    image = await prepare(tools.source(f"{publisher.base}/13/disk.raw", checksum=AUTO), cache=tmp_path)
    assert image.verified
    assert image.source_checksum.algorithm == _algorithm(name)


def _algorithm(name: str) -> str:
    return "sha512" if "512" in name else "sha256"


async def test_a_checksum_file_beside_a_local_image(disk, tools, tmp_path):
    image, cache = tmp_path / "disk.raw", tmp_path / "cache"
    image.write_bytes(disk.read_bytes())
    wanted = tools.source(image, checksum=AUTO)
    with pytest.raises(InvalidError, match="there is no checksum file beside it") as caught:
        await prepare(wanted, cache=cache)
    assert "SHA256SUMS" in (caught.value.hint or "")
    (tmp_path / "disk.raw.sha256").write_text(tools.digest(disk))
    assert (await prepare(wanted, cache=cache)).verified
    (tmp_path / "disk.raw.sha256").write_text("0" * 64)
    with pytest.raises(InvalidError, match="not the one its checksum is of"):
        await prepare(wanted, cache=cache)


async def test_a_long_checksum_file_is_read_to_its_end(disk, publisher, tools, tmp_path):
    others = "".join(f"{'0' * 64}  other-{number}.raw\n" for number in range(20_000))
    publisher.files["/SUMS"] = f"{others}{tools.digest(disk)}  disk.raw\n".encode()
    assert (await prepare(tools.source(disk, checksum=f"{publisher.base}/SUMS"), cache=tmp_path)).verified
    publisher.files["/SUMS"] *= 4
    with pytest.raises(InvalidError, match="is larger than a checksum file"):
        await prepare(tools.source(disk, checksum=f"{publisher.base}/SUMS"), cache=tmp_path)


async def test_the_line_of_a_url_with_escapes_and_a_query(disk, publisher, tools, tmp_path):
    publisher.files |= {
        "/disk (1).raw": disk.read_bytes(),
        "/SUMS": f"{tools.digest(disk)}  disk (1).raw\n".encode(),
    }
    url = f"{publisher.base}/disk%20(1).raw?download=1"
    assert (await prepare(tools.source(url, checksum=f"{publisher.base}/SUMS"), cache=tmp_path)).verified


def image(**changes) -> ImageSource:
    return ImageSource(**{"name": "debian", "source": "/srv/disk.raw", **changes})


@pytest.mark.parametrize(
    "strong",
    [
        image(),
        image(checksum=DIGEST),
        image(checksum=DIGEST, allow_weak_checksum=True),
        image(source="https://example.org/disk.raw", checksum="https://example.org/SHA256SUMS"),
        image(source="http://example.org/disk.raw", checksum=DIGEST),
        image(source="http://example.org/disk.raw", checksum=AUTO, signature=SIGNATURE),
        image(checksum="md5:" + "0" * 32, allow_weak_checksum=True, signature=SIGNATURE),
    ],
)
def test_a_strong_description_has_no_warnings(strong):
    assert warnings_of(strong) == ()


@pytest.mark.parametrize(
    ("weak", "text"),
    [
        (image(checksum="0" * 32, allow_weak_checksum=True), "its checksum is MD5"),
        (image(checksum="sha1:" + "0" * 40, allow_weak_checksum=True), "its checksum is SHA1"),
        (image(checksum="/srv/MD5SUMS", allow_weak_checksum=True), "MD5 and SHA-1 are accepted"),
        (image(source="http://example.org/d", checksum=AUTO), "plain HTTP and is not signed"),
        (image(checksum="http://example.org/SUMS"), "plain HTTP and is not signed"),
        (
            image(source="https://example.org/d", checksum=AUTO, verify_tls=False),
            "certificate is not checked",
        ),
    ],
)
def test_a_weak_description_says_how(weak, text):
    (warning,) = warnings_of(weak)
    assert warning.startswith("image debian: ")
    assert text in warning
