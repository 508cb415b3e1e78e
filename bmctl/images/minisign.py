"""Ed25519 signatures in the formats of minisign and OpenBSD's signify, verified by `cryptography`.

Both write a comment line that proves nothing, then base64 of algorithm (2 bytes), key number (8) and
signature (64). minisign adds a trusted comment, with a signature of its own over both. `Ed` signs the
content, `ED` its BLAKE2b-512.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from bmctl.errors import InvalidError

UNTRUSTED = b"untrusted comment:"
_TRUSTED = b"trusted comment: "
_DIRECT = b"Ed"
_PREHASHED = b"ED"
DIGEST = "blake2b"
"""The digest that `ED` signs, as hashlib names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key of either program; `number` tells keys apart, `name` is the inventory's."""

    name: str
    number: bytes
    point: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ed25519Signature:
    """A signature file; `embedded` is what follows it where signify put both in one file."""

    number: bytes
    value: bytes
    prehashed: bool
    comment: bytes | None
    comment_signature: bytes | None
    embedded: bytes | None


def is_key(content: bytes) -> bool:
    """Whether a key file is one of these rather than OpenPGP."""
    if content.startswith(UNTRUSTED):
        return True
    words = content.split()
    return len(words) == 1 and len(words[0]) == 56 and words[0].startswith(b"RW")


def read_key(name: str, content: bytes) -> PublicKey:
    """A key file, or its second line alone; raises `InvalidError` for anything else."""
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith(UNTRUSTED)]
    raw = _decoded(lines[0]) if len(lines) == 1 else b""
    if len(raw) in {104, 158}:  # signify's and minisign's secret keys
        raise InvalidError(f"the key {name} is a private key", hint="give the public one (.pub)")
    if len(raw) != 42 or raw[:2] != _DIRECT:
        raise InvalidError(f"the key {name} cannot be read: it is no public key of minisign or signify")
    return PublicKey(name=name, number=raw[2:10], point=raw[10:])


def read_signature(content: bytes) -> Ed25519Signature:
    """A signature file of either program; raises `InvalidError` where it is damaged."""
    first, _, rest = content.partition(b"\n")
    encoded, _, rest = rest.partition(b"\n")
    raw = _decoded(encoded)
    if not first.startswith(UNTRUSTED) or len(raw) != 74 or raw[:2] not in {_DIRECT, _PREHASHED}:
        raise InvalidError("the signature cannot be read: it is damaged")
    comment = comment_signature = None
    if rest.startswith(_TRUSTED):
        line, _, rest = rest.partition(b"\n")
        encoded, _, rest = rest.partition(b"\n")
        comment, comment_signature = line.removeprefix(_TRUSTED).rstrip(b"\r"), _decoded(encoded)
        if len(comment_signature) != 64:
            raise InvalidError("the signature cannot be read: its trusted comment is not signed")
    elif raw[:2] == _PREHASHED:
        raise InvalidError("the signature cannot be read: its trusted comment is missing")
    return Ed25519Signature(
        number=raw[2:10],
        value=raw[10:],
        prehashed=raw[:2] == _PREHASHED,
        comment=comment,
        comment_signature=comment_signature,
        embedded=rest or None,
    )


def choose(signature: Ed25519Signature, keys: tuple[PublicKey, ...]) -> PublicKey:
    """The trusted key that made this signature; raises `InvalidError` where there is none."""
    found = next((key for key in keys if key.number == signature.number), None)
    if found is None:
        trusted = ", ".join(key.name for key in keys)
        raise InvalidError(
            f"the signature was made by {shown(signature.number)},"
            f" which is none of the trusted keys ({trusted})",
            hint="add that key to keys and to the image's signature, if you trust it",
        )
    return found


def fits(signature: Ed25519Signature, key: PublicKey, message: bytes) -> bool:
    """Whether it is of this message (its digest where prehashed), and of its trusted comment."""
    return is_comment_signed(signature, key) and is_signed(key.point, signature.value, message)


def is_comment_signed(signature: Ed25519Signature, key: PublicKey) -> bool:
    """Whether the trusted comment belongs to the signature; true where there is none."""
    if signature.comment is None or signature.comment_signature is None:
        return True
    return is_signed(key.point, signature.comment_signature, signature.value + signature.comment)


def is_signed(point: bytes, signature: bytes, message: bytes | memoryview) -> bool:
    """Whether an Ed25519 signature (RFC 8032) is this key's over this message."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(point).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def shown(number: bytes) -> str:
    """A key number as minisign prints it."""
    return number[::-1].hex().upper()


def _decoded(line: bytes) -> bytes:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
