"""Signatures made by the programs people sign with, over images and over checksum files."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmctl.errors import InvalidError
from bmctl.images.prepare import prepare
from bmctl.images.signatures import read_proof, read_trust, signed_text
from bmctl.model.image import AUTO, Signature, SignedPart, TrustedKey


def soon() -> datetime:
    """A minute from now: signatures are made in whole seconds, and tests may wait for their turn."""
    return datetime.now(UTC) + timedelta(minutes=1)


class Gpg:
    """GnuPG with a key ring of its own; times are as gpg writes them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "GNUPGHOME": str(home)}

    def __call__(self, *words: object, at: str | None = None, text: str | None = None) -> str:
        faked = ("--faked-system-time", at) if at else ()
        command = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *faked]
        done = subprocess.run(
            [*command, *map(str, words)],
            env=self.environment, input=text, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    def make(self, name: str, *, at: str | None = None, end: str = "never", use: str = "sign") -> str:
        """A new key; returns its fingerprint."""
        self("--quick-gen-key", name, "ed25519", use, end, at=at)
        return self.fingerprints(name)[0]

    def fingerprints(self, name: str) -> list[str]:
        listed = self("--list-keys", "--with-colons", name).splitlines()
        return [line.split(":")[9] for line in listed if line.startswith("fpr")]

    def key(self, name: str, *, armour: bool = True) -> TrustedKey:
        path = self.home / f"{name}.{'asc' if armour else 'gpg'}"
        if not path.exists():
            self(*(["--armor"] if armour else []), "-o", path, "--export", name)
        return TrustedKey(name=name, path=str(path))

    def sign(self, path: Path, name: str, *options: str, at: str | None = None) -> Path:
        made = self.home / f"{path.name}.{len(list(self.home.iterdir()))}.sig"
        self(*options, "-u", name, "-o", made, "--detach-sign", path, at=at)
        return made


@pytest.fixture(scope="session")
def gpg(tmp_path_factory, tools) -> Iterator[Gpg]:
    tools.needs("gpg", "gpgconf")
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    made = Gpg(home)
    made.make("alice")
    made.make("bob")
    made.make("short", at="20250101T000000", end="2025-03-01")
    made.make("past", at="20250101T000000")
    parent = made.make("parent", at="20250101T000000", use="cert")
    made("--quick-add-key", parent, "ed25519", "sign", "2025-03-01", at="20250101T000000")
    yield made
    subprocess.run(["gpgconf", "--kill", "all"], env=made.environment, check=True)


@pytest.fixture(scope="session")
def minisign(tmp_path_factory, tools):
    """A key pair of minisign: `key`, and `sign(path, *options)`."""
    tools.needs("minisign")
    return _pair(
        tmp_path_factory.mktemp("minisign"),
        tools,
        ("minisign", "-G", "-W", "-p", "{public}", "-s", "{secret}"),
        ("minisign", "-S", "-W", "-s", "{secret}", "-m", "{path}", "-x", "{made}"),
    )


@pytest.fixture(scope="session")
def signify(tmp_path_factory, tools):
    """A key pair of OpenBSD's signify."""
    tools.needs("signify-openbsd")
    return _pair(
        tmp_path_factory.mktemp("signify"),
        tools,
        ("signify-openbsd", "-G", "-n", "-p", "{public}", "-s", "{secret}"),
        ("signify-openbsd", "-S", "-s", "{secret}", "-m", "{path}", "-x", "{made}"),
    )


class _pair:  # noqa: N801 - used as a function
    def __init__(self, folder: Path, tools, generate: tuple[str, ...], sign: tuple[str, ...]) -> None:
        self._names = {"public": folder / "key.pub", "secret": folder / "key.sec"}
        self._folder, self._sign, self._run = folder, sign, tools.run
        tools.run(*(word.format(**self._names) for word in generate))
        self.key = TrustedKey(name="vendor", path=str(folder / "key.pub"))

    def sign(self, path: Path, *options: str) -> Path:
        made = self._folder / f"{path.name}.{len(list(self._folder.iterdir()))}"
        self._run(*(word.format(**self._names, path=path, made=made) for word in self._sign), *options)
        return made


def over_image(signature: Path | str, *keys: TrustedKey) -> Signature:
    return Signature(of=SignedPart.IMAGE, keys=keys, source=str(signature))


def over_checksum(signature: Path | str | None, *keys: TrustedKey) -> Signature:
    return Signature(of=SignedPart.CHECKSUM, keys=keys, source=None if signature is None else str(signature))


def sums(path: Path, tools, folder: Path) -> Path:
    made = folder / "SHA256SUMS"
    made.write_text(f"{'1' * 64}  other.raw\n{tools.digest(path)}  {path.name}\n")
    return made


# Images and checksum files


@pytest.mark.parametrize("armour", [False, True])
async def test_an_image_with_an_openpgp_signature(qcow2, gpg, tools, tmp_path, armour):
    made = gpg.sign(qcow2, "alice", *(["--armor"] if armour else []))
    wanted = tools.source(qcow2, signature=over_image(made, gpg.key("bob"), gpg.key("alice", armour=armour)))
    image = await prepare(wanted, cache=tmp_path)
    assert image.signer == f"key alice (OpenPGP {gpg.fingerprints('alice')[0][-16:]})"
    assert await prepare(wanted, cache=tmp_path) == image


@pytest.mark.parametrize("options", [(), ("-l",)], ids=["prehashed", "direct"])
async def test_an_image_with_a_minisign_signature(disk, minisign, tools, tmp_path, options):
    made = minisign.sign(disk, *options)
    image = await prepare(tools.source(disk, signature=over_image(made, minisign.key)), cache=tmp_path)
    assert image.signer.startswith("key vendor (Ed25519 ")


async def test_an_image_with_a_signify_signature(disk, signify, tools, tmp_path):
    key = TrustedKey(name="vendor", text=Path(signify.key.path).read_text().splitlines()[1])
    wanted = tools.source(disk, signature=over_image(signify.sign(disk), key))
    assert (await prepare(wanted, cache=tmp_path)).signer.startswith("key vendor")


async def test_a_checksum_file_with_a_signature_beside_it(disk, gpg, minisign, signify, tools, tmp_path):
    made = sums(disk, tools, tmp_path)
    keys = (gpg.key("alice"), minisign.key, TrustedKey(name="bsd", path=signify.key.path))
    for signature in (gpg.sign(made, "alice"), minisign.sign(made), signify.sign(made)):
        wanted = tools.source(disk, checksum=str(made), signature=over_checksum(signature, *keys))
        image = await prepare(wanted, cache=tmp_path / "cache")
        assert image.verified
        assert image.signer


async def test_a_checksum_file_that_carries_its_signature(disk, gpg, signify, tools, tmp_path):
    made = sums(disk, tools, tmp_path)
    gpg("-u", "alice", "-o", tmp_path / "CHECKSUM", "--clear-sign", made)
    embedded = signify.sign(made, "-e")
    for carrier, key in ((tmp_path / "CHECKSUM", gpg.key("alice")), (embedded, signify.key)):
        wanted = tools.source(disk, checksum=str(carrier), signature=over_checksum(None, key))
        assert (await prepare(wanted, cache=tmp_path / "cache")).signer


async def test_what_stands_around_a_signed_text_does_not_count(disk, gpg, tools, tmp_path):
    made = tmp_path / "SHA256SUMS"
    made.write_text(f"{'1' * 64}  other.raw\n")
    gpg("-u", "alice", "-o", tmp_path / "CHECKSUM", "--clear-sign", made)
    line = f"{tools.digest(disk)}  disk.raw\n"
    forged = tmp_path / "forged"
    for text in (line + (tmp_path / "CHECKSUM").read_text(), (tmp_path / "CHECKSUM").read_text() + line):
        forged.write_text(text)
        wanted = tools.source(disk, checksum=str(forged), signature=over_checksum(None, gpg.key("alice")))
        with pytest.raises(InvalidError, match=r"no line for disk\.raw|not of the checksum file"):
            await prepare(wanted, cache=tmp_path / "cache")


async def test_a_published_image_with_its_signature(packed, gpg, publisher, tools, tmp_path):
    made = gpg.sign(packed["zst"], "alice")
    publisher.files |= {
        "/disk.raw.zst": packed["zst"].read_bytes(),
        "/disk.raw.zst.sha256": f"{tools.digest(packed['zst'])}  disk.raw.zst\n".encode(),
        "/disk.raw.zst.sig": made.read_bytes(),
    }
    base = f"{publisher.base}/disk.raw.zst"
    plain = tools.source(base, checksum=AUTO)
    signed = tools.source(base, checksum=AUTO, signature=over_image(f"{base}.sig", gpg.key("alice")))
    assert not (await prepare(plain, cache=tmp_path)).signer
    # It is in the cache, but nobody has held the signature against it.
    assert publisher.requests.count("/disk.raw.zst") == 1
    assert (await prepare(signed, cache=tmp_path)).signer
    assert publisher.requests.count("/disk.raw.zst") == 2
    assert (await prepare(signed, cache=tmp_path)).signer
    assert publisher.requests.count("/disk.raw.zst") == 2
    publisher.files.pop("/disk.raw.zst.sig")
    with pytest.raises(InvalidError, match="answered 404"):
        await prepare(signed, cache=tmp_path)


async def test_the_image_must_be_the_signed_one(disk, gpg, minisign, signify, tools, tmp_path):
    other = tmp_path / "other.raw"
    other.write_bytes(disk.read_bytes()[:-1] + b"\1")
    for made, key in (
        (gpg.sign(disk, "alice"), gpg.key("alice")),
        (minisign.sign(disk), minisign.key),
        (minisign.sign(disk, "-l"), minisign.key),
        (signify.sign(disk), signify.key),
    ):
        with pytest.raises(InvalidError, match="image debian: the signature is not of the image"):
            await prepare(tools.source(other, signature=over_image(made, key)), cache=tmp_path / "cache")


async def test_a_changed_checksum_file_is_refused(disk, gpg, minisign, tools, tmp_path):
    made = sums(disk, tools, tmp_path)
    signatures = [(gpg.sign(made, "alice"), gpg.key("alice")), (minisign.sign(made), minisign.key)]
    made.write_text(made.read_text() + "\n")
    for signature, key in signatures:
        wanted = tools.source(disk, checksum=str(made), signature=over_checksum(signature, key))
        with pytest.raises(InvalidError, match="the signature is not of the checksum file"):
            await prepare(wanted, cache=tmp_path / "cache")


# Signatures and keys that are not in order


def proof(signature: Path, *keys: TrustedKey, now: datetime | None = None):
    return read_proof(signature.read_bytes(), read_trust(keys), now or soon())


def test_a_stranger_is_named(disk, gpg, minisign, tools, tmp_path):
    with pytest.raises(
        InvalidError, match=r"made by [0-9A-F]{16}, which is none of the trusted keys \(alice\)"
    ):
        proof(gpg.sign(disk, "bob"), gpg.key("alice"))
    tools.run("minisign", "-G", "-W", "-p", tmp_path / "other.pub", "-s", tmp_path / "other.sec")
    other = TrustedKey(name="other", path=str(tmp_path / "other.pub"))
    with pytest.raises(InvalidError, match=r"none of the trusted keys \(other\)"):
        proof(minisign.sign(disk), other)


def test_one_of_several_signatures_is_enough(disk, gpg, tmp_path):
    both = tmp_path / "both.sig"
    both.write_bytes(gpg.sign(disk, "bob").read_bytes() + gpg.sign(disk, "alice").read_bytes())
    assert proof(both, gpg.key("alice")).is_of(disk.read_bytes())


def test_a_signature_that_has_expired(disk, gpg):
    made = gpg.sign(disk, "past", "--default-sig-expire", "20d", at="20250110T000000")
    with pytest.raises(InvalidError, match=r"the signature by the key past .* expired on 2025-01-30"):
        proof(made, gpg.key("past"))
    assert proof(made, gpg.key("past"), now=datetime(2025, 1, 20, tzinfo=UTC))


def test_a_key_that_has_expired_since(disk, gpg):
    made = gpg.sign(disk, "short", at="20250110T000000")
    with pytest.raises(InvalidError, match=r"the key short .* expired on 2025-03-01"):
        proof(made, gpg.key("short"))


def test_a_subkey_that_has_expired_since(disk, gpg):
    made = gpg.sign(disk, "parent", at="20250110T000000")
    with pytest.raises(InvalidError, match=r"the key parent .* expired on 2025-03-01"):
        proof(made, gpg.key("parent"))


def test_a_key_that_was_revoked_since(disk, gpg):
    fingerprint = gpg.make("revoked")
    made = gpg.sign(disk, "revoked")
    certificate = (gpg.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
    gpg("--import", text=certificate.replace(":-----BEGIN", "-----BEGIN"))
    with pytest.raises(InvalidError, match=r"the key revoked .* has been revoked"):
        proof(made, gpg.key("revoked"))


def test_a_signature_from_the_future(disk, gpg):
    made = gpg.sign(disk, "alice")
    with pytest.raises(InvalidError, match="was made in the future") as caught:
        proof(made, gpg.key("alice"), now=datetime(2025, 1, 1, tzinfo=UTC))
    assert "clock" in (caught.value.hint or "")


def test_a_signature_over_sha1(disk, gpg):
    with pytest.raises(InvalidError, match="weak digest"):
        proof(gpg.sign(disk, "alice", "--digest-algo", "SHA1"), gpg.key("alice"))


def test_a_signature_and_a_key_of_two_kinds(disk, gpg, minisign):
    with pytest.raises(InvalidError, match=r"is OpenPGP's, and none of the trusted keys \(vendor\) is"):
        proof(gpg.sign(disk, "alice"), minisign.key)
    with pytest.raises(
        InvalidError, match=r"is minisign's or signify's, and none of the trusted keys \(alice\)"
    ):
        proof(minisign.sign(disk), gpg.key("alice"))


def test_the_trusted_comment_is_part_of_the_signature(disk, minisign, tmp_path):
    made = minisign.sign(disk)
    changed = tmp_path / "changed"
    changed.write_bytes(made.read_bytes().replace(b"file:disk.raw", b"file:disk.rav"))
    assert proof(made, minisign.key).is_of(disk.read_bytes())
    assert not proof(changed, minisign.key).is_of(disk.read_bytes())


@pytest.mark.parametrize("text", ["-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "not a key", ""])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(InvalidError, match="the key k "):
        read_trust([TrustedKey(name="k", text=text)])


def test_a_secret_key_is_refused(signify, minisign):
    for pair in (signify, minisign):
        with pytest.raises(InvalidError, match="is a private key"):
            read_trust([TrustedKey(name="k", path=pair.key.path.replace(".pub", ".sec"))])


def test_a_missing_key_file_is_named(tmp_path):
    with pytest.raises(InvalidError, match=r"the key k cannot be read: .*none\.asc: No such file"):
        read_trust([TrustedKey(name="k", path=str(tmp_path / "none.asc"))])


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"untrusted comment: x\n!!\n", b"-----BEGIN PGP SIGNATURE-----\n"]
)
def test_what_is_no_signature_is_refused(gpg, minisign, content):
    trust = read_trust([gpg.key("alice"), minisign.key])
    with pytest.raises(InvalidError, match="the signature"):
        read_proof(content, trust, soon())


def test_a_checksum_file_without_the_signature_it_should_carry(gpg):
    with pytest.raises(InvalidError, match="carries no signature"):
        signed_text(b"1234  disk.raw\n", None, read_trust([gpg.key("alice")]), soon())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_refused_or_changes_nothing(gpg, minisign, signify, tmp_path, data):
    """A signature with changed bytes is of nothing, or says the same as before."""
    content = tmp_path / "content"
    if not content.exists():
        content.write_bytes(b"content")
        for name, made in (
            ("a", gpg.sign(content, "alice")), ("m", minisign.sign(content)), ("s", signify.sign(content))
        ):  # fmt: skip
            shutil.copy(made, tmp_path / name)
    keys = (gpg.key("alice"), minisign.key, TrustedKey(name="bsd", path=signify.key.path))
    signature = bytearray((tmp_path / data.draw(st.sampled_from("ams"))).read_bytes())
    position = data.draw(st.integers(0, len(signature) - 1))
    signature[position] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(InvalidError):
        found = read_proof(bytes(signature), read_trust(keys), soon())
        assert not found.is_of(b"other content")


async def test_a_cancelled_proof_leaves_no_process(gpg, tools, tmp_path, disk):
    import asyncio

    from bmctl.images import proving

    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(2**32)
    trust = read_trust([gpg.key("alice")])
    promise = read_proof(gpg.sign(disk, "alice").read_bytes(), trust, soon())
    task = asyncio.create_task(promise.is_of_file(large, {}))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _is_readable(path)]
    assert not any(proving.__name__.encode() in line and str(large).encode() in line for line in running)


def _is_readable(path: Path) -> bool:
    with contextlib.suppress(OSError):
        path.read_bytes()
        return True
    return False


def test_a_key_line_of_minisign_is_enough(disk, minisign):
    line = Path(minisign.key.path).read_text().splitlines()[1]
    assert base64.b64decode(line)
    assert proof(minisign.sign(disk), TrustedKey(name="v", text=line)).is_of(disk.read_bytes())
