"""Checksums in every form that people and projects publish them in."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.errors import InvalidError
from bmctl.images.checksums import find_checksum, read_checksum, read_text
from bmctl.model.image import Checksum

SHA256 = hashlib.sha256(b"image").hexdigest()
SHA512 = hashlib.sha512(b"image").hexdigest()
MD5 = hashlib.md5(b"image").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
WANTED = Checksum(algorithm="sha256", value=SHA256)


@pytest.mark.parametrize(
    "text",
    [
        SHA256,
        SHA256.upper(),
        f"  {SHA256}\n",
        f"sha256:{SHA256}",
        f"SHA256:{SHA256.upper()}",
        f"sha-256:{SHA256}",
        f"SHA2-256:{SHA256}",
    ],
)
def test_one_checksum_in_many_forms(text):
    assert read_checksum(text) == WANTED


def test_sha512_is_known_by_its_length():
    assert read_checksum(SHA512) == Checksum(algorithm="sha512", value=SHA512)


@pytest.mark.parametrize(
    "text", ["/srv/SHA256SUMS", "https://example.org/SHA256SUMS", "sums", "cafe", "file.sha256"]
)
def test_a_place_is_not_a_checksum(text):
    assert read_checksum(text) is None


@pytest.mark.parametrize("text", [SHA256[:-1], SHA256 + "0", f"sha512:{SHA256}", f"crc32:{SHA256}", "1234"])
def test_a_strange_length_or_algorithm_is_refused(text):
    with pytest.raises(InvalidError, match="not understood"):
        read_checksum(text)


@pytest.mark.parametrize("text", [MD5, f"md5:{MD5}", "a" * 40])
def test_weak_ones_are_refused_unless_asked_for(text):
    with pytest.raises(InvalidError, match=r"MD5|SHA1") as caught:
        read_checksum(text)
    assert "allow_weak_checksum" in (caught.value.hint or "")
    assert read_checksum(text, allow_weak=True) is not None


@pytest.mark.parametrize(
    "content",
    [
        f"{SHA256}  disk.raw\n",
        f"{SHA256} *disk.raw\n",
        f"{SHA256}  ./disk.raw\r\n{OTHER}  ./other.raw\r\n",
        f"{OTHER}  adisk.raw\n{OTHER}  disk.raw.sig\n{SHA256}  path/to/disk.raw\n",
        f"SHA256 (disk.raw) = {SHA256}\n",
        f"# disk.raw: 5 bytes\nSHA256 (disk.raw) = {SHA256.upper()}\n",
        f"{SHA256}\n",
        f"sha256:{SHA256}",
        f"\ufeff{SHA256}  disk.raw",
        f"{MD5}  disk.raw\n{SHA256}  disk.raw\n",
        f"MD5 (disk.raw) = {MD5}\nSHA256 (disk.raw) = {SHA256}\n",
        (
            f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{SHA256}  disk.raw\n"
            "-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCgAdFiEE\n-----END PGP SIGNATURE-----\n"
        ),
        f"SHA256(disk.raw)= {SHA256}\n",
        f"SHA2-256 (disk.raw) = {SHA256}\n",
        f"BLAKE2b (disk.raw) = {'0' * 128}\nSHA256 (disk.raw) = {SHA256}\n",
        f"{SHA256} disk.raw\n",
        f"{SHA256}  -\n",
        f"untrusted comment: verify with key.pub\nRWQAAAA=\nSHA256 (disk.raw) = {SHA256}\n",
        f"{SHA256}  images\\disk.raw\r\n",
    ],
)
def test_checksum_files_of_every_kind(content):
    assert find_checksum(content, "disk.raw") == WANTED


def test_a_name_that_needs_escapes():
    name = "a\\b\nc"
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
    for line in (f"\\{SHA256}  {escaped}", f"\\SHA256 ({escaped}) = {SHA256}"):
        assert find_checksum(f"{line}\n{OTHER}  b\n", name) == WANTED


@pytest.mark.parametrize("name", ["disk*.raw", "[1].raw", "a+b (2).raw", "$(x).raw"])
def test_a_name_is_taken_as_it_is(name):
    for line in (f"{SHA256}  {name}", f"{SHA256} *{name}", f"SHA256 ({name}) = {SHA256}"):
        assert find_checksum(f"{OTHER}  other\n{line}\n{OTHER}  disk1.raw\n", name) == WANTED


def test_directories_tell_lines_of_one_name_apart():
    content = f"{OTHER}  arm64/disk.raw\n{SHA256}  amd64/disk.raw\n"
    assert find_checksum(content, "/images/13/amd64/disk.raw") == WANTED
    assert find_checksum(f"{OTHER}  old/disk.raw\n{SHA256}  ./disk.raw\n", "/images/disk.raw") == WANTED
    with pytest.raises(InvalidError, match="several different lines"):
        find_checksum(content, "disk.raw")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_checksum_file_in_the_encodings_of_windows(encoding):
    content = f"{SHA256}  disk.raw\r\n".encode(encoding)
    assert find_checksum(read_text(content), "disk.raw") == WANTED


def test_a_page_is_named():
    with pytest.raises(InvalidError, match="is a web page"):
        find_checksum("<!DOCTYPE html><title>Sign in</title>", "disk.raw")


def test_of_a_signed_message_only_what_was_signed_counts():
    signed = (
        f"{OTHER}  disk.raw\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{SHA256}  disk.raw\n"
        f"{OTHER}  other.raw\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
    )
    assert find_checksum(signed, "disk.raw") == WANTED


def test_the_strongest_line_wins():
    assert find_checksum(f"{SHA256}  d\n{SHA512}  d\n", "d").algorithm == "sha512"


@pytest.mark.parametrize("content", ["", "\n", f"{OTHER}  other.raw\n", f"{OTHER}  diskxraw\n"])
def test_a_file_without_this_name_is_refused(content):
    with pytest.raises(InvalidError, match=r"no line for disk\.raw"):
        find_checksum(content, "disk.raw")


def test_lines_that_contradict_each_other_are_refused():
    with pytest.raises(InvalidError, match="several different lines"):
        find_checksum(f"{SHA256}  disk.raw\n{OTHER}  ./disk.raw\n", "disk.raw")


def test_only_weak_lines_are_refused_unless_asked_for():
    with pytest.raises(InvalidError, match="MD5"):
        find_checksum(f"{MD5}  disk.raw\n", "disk.raw")
    assert find_checksum(f"{MD5}  disk.raw\n", "disk.raw", allow_weak=True).algorithm == "md5"


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="/\\*#()="), min_size=1
)
digests = st.binary(max_size=8).map(lambda data: hashlib.sha256(data).hexdigest())


@given(
    st.dictionaries(names, digests, min_size=1),
    st.data(),
    st.sampled_from(["{d}  {n}", "{d} *{n}", "{d}  ./{n}", "SHA256 ({n}) = {d}"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_each_name_finds_its_own_digest(files, data, line, end):
    content = end.join(line.format(d=digest, n=name) for name, digest in files.items())
    name = data.draw(st.sampled_from(sorted(files)))
    assert find_checksum(content, name).value == files[name]


@given(st.text(), st.text(min_size=1))
def test_any_text_gives_a_checksum_or_one_clear_error(content, name):
    with contextlib.suppress(InvalidError):
        assert len(find_checksum(content, name).value) in {64, 128}
