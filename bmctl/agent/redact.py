"""Takes secrets out of the logs an agent collected, before anybody stores them."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable
from urllib.parse import quote

from bmctl.errors import BmctlError

REMOVED = b"******"
# Shorter "secrets" would blacken half the text and protect nothing.
SHORTEST_SECRET = 6
LARGEST_MEMBER = 256 * 2**20
LARGEST_ARCHIVE = 2**30

_PATTERNS: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    # A key whose end is missing takes the rest of the text with it.
    (
        re.compile(
            rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REMOVED,
    ),
    (re.compile(rb"(agent[_-]token[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+", re.IGNORECASE), rb"\1" + REMOVED),
    (
        re.compile(
            rb"((?:password|passwd|passphrase|secret)[\"']?\s*[=:]\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s,&}]+)",
            re.IGNORECASE,
        ),
        rb"\1" + REMOVED,
    ),
    (
        re.compile(
            rb"(authorization[\"']?\s*[=:]\s*[\"']?)(?:(?:basic|bearer)\s+)?[^\s\"',}]+", re.IGNORECASE
        ),
        rb"\1" + REMOVED,
    ),
    (re.compile(rb"(x-auth-token[\"']?\s*[=:]\s*[\"']?)[^\s\"',}]+", re.IGNORECASE), rb"\1" + REMOVED),
    (re.compile(rb"(://[^\s/:@]+:)[^\s/@]+(?=@)"), rb"\1" + REMOVED),
    # Password hashes (crypt): root:$6$salt$hash:...
    (re.compile(rb"\$(?:1|2[abxy]|5|6|7|y|gy|sha1)\$[./A-Za-z0-9$=,+-]{8,}"), REMOVED),
)

_COMPRESSIONS: tuple[tuple[bytes, Callable[[bytes], bytes], Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", lambda data: _inflate(data, zlib.decompressobj(wbits=31)), gzip.compress),
    (b"\xfd7zXZ\x00", lambda data: _inflate(data, lzma.LZMADecompressor()), lzma.compress),
    (b"BZh", lambda data: _inflate(data, bz2.BZ2Decompressor()), bz2.compress),
)
_ZSTD = b"\x28\xb5\x2f\xfd"


def redact_archive(archive: bytes, secrets: Iterable[str]) -> bytes:
    """The same tar.gz without secrets: in every member, compressed ones too, and in their names.

    Links, devices and members with names that would leave the directory are left out. What cannot be
    looked into is replaced by a line that says so. Raises `BmctlError` where it is no tar.gz.
    """
    redact = redactor(secrets)
    output = io.BytesIO()
    try:
        with (
            tarfile.open(
                fileobj=io.BytesIO(_inflate(archive, zlib.decompressobj(wbits=31), LARGEST_ARCHIVE))
            ) as source,
            tarfile.open(fileobj=output, mode="w:gz", compresslevel=6) as target,
        ):
            for member in source:
                _copy_member(source, member, target, redact)
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        raise BmctlError("the logs that the agent collected are not a readable tar.gz") from error
    return output.getvalue()


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """The same text without the secrets given, and without passwords, tokens and private keys."""
    return redactor(secrets)(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _copy_member(
    source: tarfile.TarFile,
    member: tarfile.TarInfo,
    target: tarfile.TarFile,
    redact: Callable[[bytes], bytes],
) -> None:
    if not (member.isfile() or member.isdir()) or _leaves(member.name):
        return
    copied = tarfile.TarInfo(redact(member.name.encode()).decode())
    copied.mtime, copied.mode, copied.type = member.mtime, member.mode & 0o777, member.type
    if member.isdir():
        target.addfile(copied)
        return
    reader = source.extractfile(member)
    data = _redact_content(reader.read() if reader else b"", redact)
    copied.size = len(data)
    target.addfile(copied, io.BytesIO(data))


def _leaves(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/")


def _redact_content(data: bytes, redact: Callable[[bytes], bytes]) -> bytes:
    for magic, unpack, pack in _COMPRESSIONS:
        if data.startswith(magic):
            try:
                return pack(redact(unpack(data)))
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
                return b"bmctl left this file out: it could not be unpacked to look for secrets\n"
    if data.startswith(_ZSTD):
        return b"bmctl left this file out: it is compressed in a way that is not looked into\n"
    return redact(data)


def _inflate(data: bytes, unpacker: object, limit: int = LARGEST_MEMBER) -> bytes:
    """Unpacked data of at most `limit` bytes; `ValueError` for more, or for an incomplete stream."""
    unpacked: bytes = unpacker.decompress(data, limit)  # type: ignore[attr-defined] # three classes, one method
    if not unpacker.eof:  # type: ignore[attr-defined]
        raise ValueError("incomplete or too large")
    return unpacked


def redactor(secrets: Iterable[str]) -> Callable[[bytes], bytes]:
    """Takes the secrets given, passwords, tokens and private keys out of bytes, as often as it is called."""
    literals = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    known = re.compile(b"|".join(re.escape(literal) for literal in literals)) if literals else None

    def redact(data: bytes) -> bytes:
        if known is not None:
            data = known.sub(REMOVED, data)
        for pattern, replacement in _PATTERNS:
            data = pattern.sub(replacement, data)
        return data

    return redact


def _forms(secret: str) -> Iterable[bytes]:
    """The ways a secret can stand in a log: as it is, in JSON, a URL, base64; each long line of it too."""
    for text in {secret, *secret.splitlines()}:
        if len(text.strip()) >= SHORTEST_SECRET:
            plain = text.strip().encode()
            yield plain
            yield json.dumps(text.strip())[1:-1].encode()
            yield quote(text.strip(), safe="").encode()
            yield base64.b64encode(plain).rstrip(b"=")
