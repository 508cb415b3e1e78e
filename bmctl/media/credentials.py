"""What one run and one machine's agent know each other by: a token and a TLS certificate."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from bmctl.model.network import Address

if TYPE_CHECKING:
    from cryptography.x509 import KeyUsage

TOKEN_BYTES = 32
# A machine's clock can be years off before it has been set; the certificate is pinned, and dies with its run.
NOT_BEFORE = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
# RFC 5280, 4.1.2.5: this date says that the certificate has no good expiration date.
NOT_AFTER = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCredentials:
    """The secrets of one run on one machine; they are written to its boot medium and to the run's folder.

    `fingerprint` is the SHA-256 of the certificate in DER, lower-case hex.
    """

    token: str = field(repr=False)
    certificate_pem: str
    key_pem: str = field(repr=False)
    fingerprint: str

    def to_dict(self) -> dict[str, str]:
        """Everything, secrets too; for the run's private folder only."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, str]) -> RunCredentials:
        """What `to_dict` gave."""
        return cls(**values)


def make_credentials(addresses: Iterable[Address], *, name: str) -> RunCredentials:
    """New credentials for the agent that will answer at these addresses."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    # X.520 allows 64 characters in a common name.
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in dict.fromkeys(addresses)]
    # The identifiers and usages are what a strict verifier wants of a certificate it is told to trust.
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return RunCredentials(
        token=secrets.token_urlsafe(TOKEN_BYTES),
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii"),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def _usage() -> KeyUsage:
    from cryptography.x509 import KeyUsage

    return KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
