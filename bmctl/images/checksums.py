"""Checksums as people and projects publish them, brought to one form: algorithm and lower-case hex."""

from __future__ import annotations

import re

from bmctl.errors import InvalidError
from bmctl.model.image import Checksum

STRONG = {64: "sha256", 128: "sha512"}
WEAK = {32: "md5", 40: "sha1"}
_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-fA-F]+")
_BSD = re.compile(r"(?P<algorithm>[A-Za-z0-9-]+) ?\((?P<name>.+)\) ?= ?(?P<value>[0-9a-fA-F]+)")
_GNU = re.compile(r"\\?(?P<value>[0-9a-fA-F]{32,128})(?: [ *]|\s+\*?)(?P<name>\S.*)")
_ARMOUR = re.compile(r"-----BEGIN PGP SIGNATURE-----.*?-----END PGP SIGNATURE-----", re.DOTALL)


def read_checksum(text: str, *, allow_weak: bool = False) -> Checksum | None:
    """The checksum written as hex or `algorithm:hex`; None where the text is neither, so names a file.

    Raises `InvalidError` for hex of a strange length, an unknown algorithm, and MD5 or SHA-1 unless allowed.
    """
    text = text.strip()
    algorithm, colon, value = text.rpartition(":")
    if not _HEX.fullmatch(value) or (colon and not re.fullmatch(r"[A-Za-z0-9_-]+", algorithm)):
        return None
    if not colon and len(value) < 32 and not value.isdigit():
        return None  # a file may be called "cafe"
    return checksum_of(algorithm, value, allow_weak=allow_weak)


def checksum_of(algorithm: str, value: str, *, allow_weak: bool) -> Checksum:
    """A checked `Checksum`; an empty algorithm is told by the value's length."""
    name = plain_algorithm(algorithm) or (STRONG | WEAK).get(len(value), "")
    if _LENGTHS.get(name) != len(value):
        raise InvalidError(
            f"the checksum is not understood: {len(value)} hex digits"
            + (f" for {algorithm}" if algorithm else ""),
            hint="SHA-256 has 64 digits, SHA-512 has 128",
        )
    if name in WEAK.values() and not allow_weak:
        raise InvalidError(
            f"the checksum is {name.upper()}, which proves nothing against tampering",
            hint="give the SHA-256 or SHA-512, or set allow_weak_checksum: true for the image",
        )
    return Checksum(algorithm=name, value=value.lower())


def plain_algorithm(text: str) -> str:
    """`SHA-256`, `Sha256` and `sha2-256` as hashlib names it; other names come back in lower case."""
    plain = text.lower().replace("-", "").replace("_", "")
    return {"sha2256": "sha256", "sha2512": "sha512"}.get(plain, plain)


def find_checksum(content: str, name: str, *, allow_weak: bool = False) -> Checksum:
    """The strongest checksum that a checksum file gives for the file called `name`.

    Understood are GNU lines (text and binary, `./` or other directories in front), BSD lines, and a file that
    holds one bare digest; also inside a PGP-signed message, whose signature is not looked at. Raises
    `InvalidError` where the file has none for this name, or two that differ.
    """
    lines = [line.strip() for line in _ARMOUR.sub("", content).lstrip("\ufeff").splitlines()]
    lines = [line for line in lines if line and not line.startswith(("#", "-----", "Hash:"))]
    if len(lines) == 1 and (bare := read_checksum(lines[0], allow_weak=allow_weak)):
        return bare
    entries = [entry for line in lines if (entry := _read_line(line))]
    found = {(algorithm, value.lower()) for algorithm, value, of in entries if _is_named(of, name)}
    return _strongest(found, name, allow_weak=allow_weak)


def _strongest(found: set[tuple[str, str]], name: str, *, allow_weak: bool) -> Checksum:
    usable = {pair for pair in found if len(pair[1]) in STRONG or len(pair[1]) in WEAK}
    if not usable:
        raise InvalidError(
            f"the checksum file has no line for {name}",
            hint="see that the checksum file belongs to this very file name",
        )
    longest = max(len(value) for _, value in usable)
    best = {pair for pair in usable if len(pair[1]) == longest}
    if len({value for _, value in best}) > 1:
        raise InvalidError(f"the checksum file has several different lines for {name}")
    algorithm, value = best.pop()
    return checksum_of(algorithm, value, allow_weak=allow_weak)


def _read_line(line: str) -> tuple[str, str, str] | None:
    """Algorithm (empty where unsaid), digest and file name of one line."""
    if found := _BSD.fullmatch(line):
        return found["algorithm"], found["value"], found["name"]
    if found := _GNU.fullmatch(line):
        return "", found["value"], found["name"]
    return None


def _is_named(written: str, name: str) -> bool:
    return written.strip() == name or written.strip().replace("\\", "/").rpartition("/")[2] == name
