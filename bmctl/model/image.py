"""What is written to a machine's disk, and how it is known to be the right thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ImageFormat(StrEnum):
    """Disk image formats bmctl reads; `raw` is what reaches the disk."""

    RAW = "raw"
    QCOW2 = "qcow2"


class Compression(StrEnum):
    """Compressions an image may arrive in."""

    GZIP = "gzip"
    XZ = "xz"
    ZSTD = "zstd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """A digest: algorithm as hashlib names it, value in lower-case hex."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


class SignedPart(StrEnum):
    """What a signature was made over."""

    IMAGE = "image"
    CHECKSUM = "checksum"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key that the operator trusts, by the inventory's name for it: a file, or the key's text."""

    name: str
    path: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Whose signature an image must carry; one of the keys is enough.

    `source` is an absolute path or an http(s) URL; None where the checksum file itself carries it.
    """

    of: SignedPart
    keys: tuple[TrustedKey, ...]
    source: str | None = None


AUTO = "auto"
"""The checksum of an image whose checksum file is to be found beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSource:
    """An image as the inventory names it.

    `source` is an absolute path or an http(s) URL. `checksum` is what the operator wrote: hex,
    `algorithm:hex`, the path or URL of a checksum file, or `auto`; None where a local file has none.
    `read_back` asks for what was written to be read from the disk and compared.
    """

    name: str
    source: str
    checksum: str | None = None
    allow_weak_checksum: bool = False
    verify_tls: bool | str = True
    signature: Signature | None = None
    read_back: bool = True
