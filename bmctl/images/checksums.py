"""Checksums as people and projects publish them, brought to one form: algorithm and lower-case hex."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from bmctl.errors import InvalidError
from bmctl.model.image import Checksum

STRONG = {64: "sha256", 128: "sha512"}
WEAK = {32: "md5", 40: "sha1"}
_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-fA-F]+")
_BSD = re.compile(
    r"(?P<mark>\\?)(?P<algorithm>[\w-]+) ?\((?P<name>.+)\) ?= ?(?P<value>[0-9a-fA-F]+)", re.ASCII
)
_GNU = re.compile(r"(?P<mark>\\?)(?P<value>[0-9a-fA-F]{32,128})(?: [ *]|\s+\*?)(?P<name>\S.*)")
# coreutils marks a line with a backslash in front where it wrote these in the name (GNU manual, "md5sum").
_ESCAPED = re.compile(r"\\[\\nr]")
_UNESCAPED = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}
_SIGNED = re.compile(
    r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n(?P<text>.*?)^-----BEGIN PGP SIGNATURE-----",
    re.DOTALL | re.MULTILINE,
)
_PAGE = re.compile(r"\s*(<!doctype|<html|<\?xml|\{)", re.IGNORECASE)


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


def read_text(content: bytes) -> str:
    """The text of a checksum file, whatever its encoding and line ends."""
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    encoding = next((name for mark, name in marks if content.startswith(mark)), "utf-8")
    return content.decode(encoding, "replace")


def find_checksum(content: str, name: str, *, allow_weak: bool = False) -> Checksum:
    """The strongest checksum that a checksum file gives for the file called `name`.

    `name` may have its directories in front, to tell lines of the same name apart. Understood are GNU lines
    (text, binary and escaped), BSD lines, and a file that holds one bare digest; also inside a PGP-signed
    message, whose signature is not looked at. Raises `InvalidError` where the file has none for this name,
    or two that differ.
    """
    lines = _lines(content)
    if len(lines) == 1 and (bare := read_checksum(lines[0], allow_weak=allow_weak)):
        return bare
    entries = [entry for line in lines if (entry := _read_line(line))]
    if len(entries) == 1 and entries[0].name == "-":
        entries = [replace(entries[0], name=name)]  # `sha256sum < file` knows no name
    return _strongest(_closest(entries, name), name, allow_weak=allow_weak, page=bool(_PAGE.match(content)))


def _lines(content: str) -> list[str]:
    """The lines that may say something; of a PGP-signed message only what was signed."""
    text = content.lstrip("\ufeff").replace("\r\n", "\n")
    if signed := _SIGNED.search(text):
        # Lines that start with a dash got "- " in front (RFC 9580, 7.2).
        text = re.sub(r"^- ", "", signed["text"], flags=re.MULTILINE)
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One line: algorithm (empty where unsaid), lower-case digest and file name."""

    algorithm: str
    value: str
    name: str


def _read_line(line: str) -> _Entry | None:
    found = _BSD.fullmatch(line) or _GNU.fullmatch(line)
    if found is None:
        return None
    parts = found.groupdict()
    name = _ESCAPED.sub(lambda pair: _UNESCAPED[pair[0]], parts["name"]) if parts["mark"] else parts["name"]
    return _Entry(algorithm=parts.get("algorithm") or "", value=parts["value"].lower(), name=name)


def _closest(entries: list[_Entry], name: str) -> list[_Entry]:
    """The entries whose name fits best: as it is, or the most directories alike."""
    ranked = [(_alike(entry.name, name), entry) for entry in entries]
    best = max((rank for rank, _ in ranked), default=(0, 0))
    return [entry for rank, entry in ranked if rank == best and rank[1]]


def _alike(written: str, name: str) -> tuple[int, int]:
    """Whether all of `written` fits the end of `name`, and how many parts do; the file name itself must."""
    parts = written.removeprefix("./").split("/")
    if parts[-1] != name.rpartition("/")[2]:
        parts = written.replace("\\", "/").split("/")  # directories of Windows
    same = 0
    for one, other in zip(reversed(parts), reversed(name.split("/")), strict=False):
        if one != other:
            break
        same += 1
    return int(same == len(parts)), same


def _strongest(entries: list[_Entry], name: str, *, allow_weak: bool, page: bool) -> Checksum:
    usable = {
        (plain_algorithm(entry.algorithm) or (STRONG | WEAK).get(len(entry.value), ""), entry.value)
        for entry in entries
    }
    usable = {(algorithm, value) for algorithm, value in usable if _LENGTHS.get(algorithm) == len(value)}
    short = name.rpartition("/")[2]
    if not usable:
        raise InvalidError(
            "the checksum file is a web page" if page else f"the checksum file has no line for {short}",
            hint="see that the checksum file belongs to this very file name",
        )
    longest = max(len(value) for _, value in usable)
    best = {pair for pair in usable if len(pair[1]) == longest}
    if len(best) > 1:
        raise InvalidError(f"the checksum file has several different lines for {short}")
    algorithm, value = best.pop()
    return checksum_of(algorithm, value, allow_weak=allow_weak)
