"""OpenPGP signatures (RFC 9580), verified by Sequoia: detached ones and clear-signed texts.

Sequoia judges a signature by the time it was made; an image is trusted now, so that keys which have expired
or been revoked since are refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bmctl.errors import InvalidError

if TYPE_CHECKING:
    from pysequoia import Cert, Sig
    from pysequoia.packet import Packet

CLEAR = b"-----BEGIN PGP SIGNED MESSAGE-----"
_BEGIN = b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
_WEAK = {"MD5", "SHA1", "RipeMD"}
_SECRET_KEY = b"-----BEGIN PGP PRIVATE KEY BLOCK-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A public key with its subkeys; `name` is the inventory's."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A signature that is in order by itself, and the certificate it must be verified with."""

    signature: bytes
    certificate: Certificate
    signer: str


def read_certificates(name: str, content: bytes) -> tuple[Certificate, ...]:
    """The certificates in a key file or keyring, binary or armoured; else raises `InvalidError`."""
    from pysequoia import Cert

    if _SECRET_KEY in content:
        raise InvalidError(
            f"the key {name} is a private key", hint="give the public one: gpg --armor --export"
        )
    try:
        found = [Certificate(name=name, content=bytes(one)) for one in Cert.split_bytes(content)]
    except Exception as error:  # noqa: BLE001 - the library has one kind for all
        raise InvalidError(f"the key {name} cannot be read: {_first_line(error)}") from None
    if not found:
        raise InvalidError(f"the key {name} holds no OpenPGP key")
    return tuple(found)


def choose(signature: bytes, certificates: Sequence[Certificate], now: datetime) -> Promise:
    """The first of the signatures in a file that was made by a trusted key, both in force at `now`.

    Raises `InvalidError` where there is none, saying what is wrong with the best one.
    """
    refusal: InvalidError | None = None
    strangers: list[str] = []
    for one in _signatures(signature):
        known = _certificate_of(one.issuer, certificates)
        if known is None:
            strangers.append(_short(one.issuer))
            continue
        try:
            _require_in_force(one, known, now)
        except InvalidError as error:
            refusal = refusal or error
        else:
            signer = f"key {known.name} (OpenPGP {_short(one.issuer)})"
            return Promise(signature=one.content, certificate=known, signer=signer)
    raise refusal or _unknown(strangers, certificates)


def fits(promise: Promise, *, content: bytes | None = None, path: str | None = None) -> bool:
    """Whether the signature is of exactly this content, or of the file; blocks all threads meanwhile."""
    import pysequoia

    certificates = pysequoia.Cert.split_bytes(promise.certificate.content)
    signature = pysequoia.Sig.from_bytes(promise.signature)
    try:
        result = pysequoia.verify(bytes=content, file=path, store=lambda _: certificates, signature=signature)
    except Exception:  # noqa: BLE001 - the library has one kind for all, and its text is a backtrace
        return False
    return bool(result.valid_sigs)


def read_clear(
    message: bytes, certificates: Sequence[Certificate], now: datetime
) -> tuple[bytes, str] | None:
    """What was signed in a clear-signed message, and by whom; None where the signature does not fit.

    Raises `InvalidError` as `choose` does.
    """
    import pysequoia

    # The first message alone, so that the signature that is looked at is the one that is verified.
    alone, end, _ = message[message.index(CLEAR) :].partition(_END)
    armour = alone[max(alone.rfind(_BEGIN), 0) :] + end
    promise = choose(armour, certificates, now)
    trusted = pysequoia.Cert.split_bytes(promise.certificate.content)
    try:
        result = pysequoia.verify(bytes=alone + end + b"\n", store=lambda _: trusted)
    except Exception:  # noqa: BLE001 - the library has one kind for all, and its text is a backtrace
        return None
    return (result.bytes, promise.signer) if result.bytes is not None and result.valid_sigs else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    """One signature as it says of itself; `issuer` is a fingerprint or key id in lower-case hex."""

    content: bytes
    issuer: str
    digest: str
    created: datetime | None
    expiration: datetime | None


def _signatures(content: bytes) -> tuple[_Signature, ...]:
    from pysequoia import Sig
    from pysequoia.packet import Tag

    try:
        packets = [packet for packet in _packets(content) if packet.tag == Tag.Signature]
        found = tuple(_described(Sig.from_bytes(bytes(packet))) for packet in packets)
    except Exception as error:  # noqa: BLE001 - the library has one kind for all
        raise InvalidError(f"the signature cannot be read: {_first_line(error)}") from None
    if not found:
        raise InvalidError("the signature file holds no OpenPGP signature")
    return found


def _described(signature: Sig) -> _Signature:
    return _Signature(
        content=bytes(signature),
        issuer=signature.issuer_fingerprint or signature.issuer_key_id or "unknown",
        digest=str(signature.hash_algorithm).rpartition(".")[2],
        created=signature.created,
        expiration=signature.expiration,
    )


def _certificate_of(issuer: str, certificates: Sequence[Certificate]) -> Certificate | None:
    return next((one for one in certificates if any(_same(issuer, key) for key in _keys_in(one))), None)


def _keys_in(certificate: Certificate) -> list[str]:
    return [packet.fingerprint for packet in _packets(certificate.content) if packet.fingerprint]


def _packets(content: bytes) -> list[Packet]:
    from pysequoia.packet import PacketPile

    return list(PacketPile.from_bytes(content))


def _same(issuer: str, fingerprint: str) -> bool:
    # A key id is the end of a version 4 fingerprint, and the start of a version 6 one (RFC 9580, 5.5.4).
    return fingerprint == issuer or (
        len(issuer) == 16 and (fingerprint.endswith(issuer) or fingerprint.startswith(issuer))
    )


def _require_in_force(signature: _Signature, certificate: Certificate, now: datetime) -> None:
    from pysequoia import Cert

    key = f"the key {certificate.name} ({_short(signature.issuer)})"
    if signature.digest in _WEAK:
        raise InvalidError(f"the signature by {key} is over a weak digest ({signature.digest})")
    if signature.expiration is not None and signature.expiration <= now:
        raise InvalidError(f"the signature by {key} expired on {_day(signature.expiration)}")
    if signature.created is not None and signature.created > now:
        raise InvalidError(
            f"the signature by {key} was made in the future, on {_day(signature.created)}",
            hint="check this host's clock",
        )
    cert = Cert.split_bytes(certificate.content)[0]
    if cert.is_revoked:
        raise InvalidError(f"{key} has been revoked by its owner")
    expiry = min(
        (at for at in (_expiration(cert), _subkey_end(certificate, signature.issuer)) if at), default=None
    )
    if expiry is not None and expiry <= now:
        raise InvalidError(
            f"{key} expired on {_day(expiry)}", hint="get the renewed key from whoever publishes the image"
        )


def _expiration(cert: Cert) -> datetime | None:
    try:
        return cert.expiration
    except Exception:  # noqa: BLE001 - a certificate without any valid self-signature
        raise InvalidError(
            f"the key {_short(cert.fingerprint)} has no valid signature of its owner"
        ) from None


def _subkey_end(certificate: Certificate, issuer: str) -> datetime | None:
    """When the subkey that signed ends, by its newest binding; its beginning where it was revoked."""
    from pysequoia.packet import SignatureType, Tag

    end: datetime | None = None
    newest, created, inside = datetime.min.replace(tzinfo=UTC), None, False
    for packet in _packets(certificate.content):
        if packet.fingerprint is not None:
            inside = packet.tag == Tag.PublicSubkey and _same(issuer, packet.fingerprint)
            created = packet.key_created
        elif inside and packet.signature_type == SignatureType.SubkeyRevocation:
            return packet.signature_created
        elif inside and packet.signature_type == SignatureType.SubkeyBinding and created:
            made = packet.signature_created or newest
            if made >= newest:
                newest = made
                end = created + packet.key_validity_period if packet.key_validity_period else None
    return end


def _unknown(strangers: list[str], certificates: Sequence[Certificate]) -> InvalidError:
    trusted = ", ".join(dict.fromkeys(one.name for one in certificates))
    return InvalidError(
        f"the signature was made by {', '.join(strangers)}, which is none of the trusted keys ({trusted})",
        hint="add that key to keys and to the image's signature, if you trust it",
    )


def _short(fingerprint: str) -> str:
    """The last 16 digits, as people compare them."""
    return fingerprint.upper()[-16:]


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
