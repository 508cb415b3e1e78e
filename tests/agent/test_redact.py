"""No secret leaves with the logs."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import tarfile
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.agent.redact import redact_archive, redact_text
from bmctl.errors import BmctlError

SECRET = "s3cret/of+this=run"


def pack(members: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


@pytest.mark.parametrize(
    "text",
    [
        "GET /v1/commands/?agent_token=hunter22-token HTTP/1.1",
        "GET /v1/commands/?wait=true&agent_token=hunter22-token&x=1",
        "agent_token = hunter22-token",
        "BOOT_IMAGE=/vmlinuz ipa-agent-token=hunter22-token quiet",
        '{"agent_token": "hunter22-token"}',
        "'rescue_password': 'hunter22-token', 'hashed': False",
        "password: hunter22-token",
        'PASSWORD="hunter22-token with blanks"',
        "Authorization: Basic hunter22-token",
        "X-Auth-Token: hunter22-token",
        "fetching https://user:hunter22-token@192.0.2.5/image",
        "-----BEGIN EC PRIVATE KEY-----\nhunter22-token\n-----END EC PRIVATE KEY-----",
        "node agent[1]: -----BEGIN PRIVATE KEY-----\nnode agent[1]: hunter22-token",
        "root:$6$saltsalt$hunter22-token.hash/hash:19000:0:",
    ],
)
def test_what_looks_like_a_secret_is_removed(text):
    redacted = redact_text(f"before {text}\n after" if "BEGIN" not in text else text)
    assert "hunter22" not in redacted
    assert "******" in redacted


def test_the_rest_of_a_line_stays():
    assert redact_text("GET /?agent_token=hunter22 HTTP/1.1 200 took 3 ms") == (
        "GET /?agent_token=****** HTTP/1.1 200 took 3 ms"
    )


@pytest.mark.parametrize("form", [SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()])
def test_known_secrets_are_removed_in_every_form(form):
    assert form.rstrip("=") not in redact_text(f"GET /run/{form}/image.raw", (SECRET,))


@pytest.mark.parametrize("packer", [bytes, gzip.compress, lzma.compress, bz2.compress])
def test_members_packed_by_themselves_are_looked_into(packer):
    log = packer(f"one\nagent_token={SECRET}\ntwo".encode())
    redacted = unpack(redact_archive(pack({"var/log/agent.log": log, "other": b"kept"}), (SECRET,)))
    unpackers = {gzip.compress: gzip.decompress, lzma.compress: lzma.decompress, bz2.compress: bz2.decompress}
    content = unpackers.get(packer, bytes)(redacted["var/log/agent.log"])
    assert content == b"one\nagent_token=******\ntwo"
    assert redacted["other"] == b"kept"


def test_what_cannot_be_looked_into_is_left_out():
    redacted = unpack(
        redact_archive(pack({"a.gz": gzip.compress(b"x" * 99)[:-9], "b": b"\x28\xb5\x2f\xfd12"}), ())
    )
    assert all(content.startswith(b"bmctl left this file out") for content in redacted.values())


def test_names_are_redacted_and_must_stay_inside():
    redacted = unpack(
        redact_archive(pack({f"log-{SECRET[:6]}x": b"", "../../etc/x": b"", "/abs": b""}), (SECRET[:6],))
    )
    assert list(redacted) == ["log-******x"]


@pytest.mark.parametrize(
    "junk",
    [b"", b"junk", gzip.compress(b"no tar" * 200), pack({"a": b"b" * 5000})[:-20]],
    ids=["empty", "junk", "no tar", "cut off"],
)
def test_what_is_no_archive_is_one_clear_error(junk):
    with pytest.raises(BmctlError, match=r"not a readable tar\.gz"):
        redact_archive(junk, ())


texts = st.text(st.characters(codec="utf-8", exclude_characters="*\r"), max_size=60)


@given(texts, st.text("abcdefXYZ0123456789-_/+", min_size=8, max_size=43), texts)
def test_a_known_secret_is_never_left_in_any_text(before, secret, after):
    member = f"{before}{secret}{after}".encode()
    (content,) = unpack(redact_archive(pack({"log": member}), (secret,))).values()
    assert secret.encode() not in content
