"""Whether an image, or its checksum file, was signed by somebody the operator trusts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bmctl.errors import InvalidError
from bmctl.images import minisign, openpgp, proving
from bmctl.model.image import TrustedKey

_LARGEST_KEY = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The keys of which one must have signed."""

    certificates: tuple[openpgp.Certificate, ...] = ()
    keys: tuple[minisign.PublicKey, ...] = ()


class Proof(Protocol):
    """A signature by a trusted key, in force now, that is still to be held against what it signs.

    `digest` is the digest it signs, by hashlib's name, where it does not sign the content itself.
    `identity` tells signature and key from all others.
    """

    @property
    def signer(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def digest(self) -> str | None: ...

    def is_of(self, content: bytes) -> bool: ...

    async def is_of_file(self, path: Path, digests: Mapping[str, str]) -> bool:
        """Whether it is of this file, whose hex digest is given where `digest` names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenPgpProof:
    promise: openpgp.Promise
    digest: str | None = None

    @property
    def signer(self) -> str:
        return self.promise.signer

    @property
    def identity(self) -> str:
        return _identity(self.promise.signature, self.promise.certificate.content)

    def is_of(self, content: bytes) -> bool:
        return openpgp.fits(self.promise, content=content)

    async def is_of_file(self, path: Path, digests: Mapping[str, str]) -> bool:  # noqa: ARG002 - it signs the file
        return await proving.fits_file(proving.openpgp_request(self.promise), path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ed25519Proof:
    signature: minisign.Ed25519Signature
    key: minisign.PublicKey

    @property
    def signer(self) -> str:
        return f"key {self.key.name} (Ed25519 {minisign.shown(self.key.number)})"

    @property
    def identity(self) -> str:
        return _identity(self.signature.value, self.key.point)

    @property
    def digest(self) -> str | None:
        return minisign.DIGEST if self.signature.prehashed else None

    def is_of(self, content: bytes) -> bool:
        message = hashlib.blake2b(content).digest() if self.signature.prehashed else content
        return minisign.fits(self.signature, self.key, message)

    async def is_of_file(self, path: Path, digests: Mapping[str, str]) -> bool:
        if self.digest is not None:
            return minisign.fits(self.signature, self.key, bytes.fromhex(digests[self.digest]))
        if not minisign.is_comment_signed(self.signature, self.key):
            return False
        return await proving.fits_file(proving.direct_request(self.signature, self.key), path)


def read_trust(keys: Sequence[TrustedKey]) -> Trust:
    """The keys themselves; raises `InvalidError` for one that is no public key."""
    contents = [(key.name, _content(key)) for key in keys]
    return Trust(
        certificates=tuple(
            certificate
            for name, content in contents
            if not minisign.is_key(content)
            for certificate in openpgp.read_certificates(name, content)
        ),
        keys=tuple(
            minisign.read_key(name, content) for name, content in contents if minisign.is_key(content)
        ),
    )


def read_proof(signature: bytes, trust: Trust, now: datetime) -> Proof:
    """The signature in a file of its own.

    Raises `InvalidError` where it is damaged, not by a trusted key, or not in force at `now`.
    """
    if not signature.startswith(minisign.UNTRUSTED):
        _require(trust.certificates, trust, "OpenPGP's")
        return _OpenPgpProof(promise=openpgp.choose(signature, trust.certificates, now))
    _require(trust.keys, trust, "minisign's or signify's")
    direct = minisign.read_signature(signature)
    return _Ed25519Proof(signature=direct, key=minisign.choose(direct, trust.keys))


def signed_text(content: bytes, signature: bytes | None, trust: Trust, now: datetime) -> tuple[bytes, str]:
    """What was really signed of a small file, and by whom; `signature` None where the file carries its own.

    Raises `InvalidError` where it is not signed, by nobody trusted, not now, or was changed since.
    """
    found = _carried(content, trust, now) if signature is None else _detached(content, signature, trust, now)
    if found is None:
        raise refusal("the checksum file")
    return found


def refusal(what: str) -> InvalidError:
    """The error for a signature by a trusted key that is of something else."""
    return InvalidError(
        f"the signature is not of {what}: one of the two was changed, or they do not belong together",
        hint="fetch both again; if it stays so, do not use the image",
    )


def _detached(content: bytes, signature: bytes, trust: Trust, now: datetime) -> tuple[bytes, str] | None:
    proof = read_proof(signature, trust, now)
    return (content, proof.signer) if proof.is_of(content) else None


def _carried(content: bytes, trust: Trust, now: datetime) -> tuple[bytes, str] | None:
    if openpgp.CLEAR in content:
        _require(trust.certificates, trust, "OpenPGP's")
        return openpgp.read_clear(content, trust.certificates, now)
    if content.startswith(minisign.UNTRUSTED):
        message = minisign.read_signature(content).embedded
        if message is not None:
            signature = content.removesuffix(message)
            return _detached(message, signature, trust, now)
    raise InvalidError(
        "the checksum file carries no signature", hint="name the file of its signature with signature.source"
    )


def _require(kept: Sequence[object], trust: Trust, kind: str) -> None:
    if not kept:
        names = ", ".join(
            dict.fromkeys([*(one.name for one in trust.certificates), *(key.name for key in trust.keys)])
        )
        raise InvalidError(
            f"the signature is {kind}, and none of the trusted keys ({names}) is",
            hint="add the key of whoever signs to keys and to the image's signature",
        )


def _content(key: TrustedKey) -> bytes:
    if not key.path:
        return key.text.strip().encode()
    try:
        with Path(key.path).open("rb") as file:
            content = file.read(_LARGEST_KEY + 1)
    except OSError as error:
        raise InvalidError(f"the key {key.name} cannot be read: {key.path}: {error.strerror}") from error
    if len(content) > _LARGEST_KEY:
        raise InvalidError(f"the key {key.name} cannot be read: {key.path} is larger than 4 MiB")
    return content


def _identity(signature: bytes, key: bytes) -> str:
    return hashlib.sha256(hashlib.sha256(signature).digest() + hashlib.sha256(key).digest()).hexdigest()
