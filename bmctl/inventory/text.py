"""An inventory file's bytes to text: encodings, and files that cannot be read."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from bmctl.inventory.problems import InventoryError, Problem

LARGEST = 64 * 1024 * 1024
"""Bytes; far beyond any inventory, small enough to be refused before memory runs short."""

_ENCODINGS = (
    # The UTF-32 mark starts with the UTF-16 one, so it is looked for first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)

# What YAML 1.2 does not allow in a stream (5.1, production c-printable).
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def read_text(path: Path, *, what: str = "an inventory file") -> str:
    """The file's text; UTF-8, or UTF-16 and UTF-32 with a byte order mark.

    `what` says in refusals what the file is meant to be. Raises `InventoryError` with one problem where
    that is not possible.
    """
    content = _read(path, what)
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(path, content, error) from error
    if found := _UNPRINTABLE.search(text):
        raise _unprintable(path, text, found.start())
    return text


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise _whole(path, "there is no such file") from error
    except IsADirectoryError as error:
        raise _whole(path, f"is a directory, not {what}") from error
    except PermissionError as error:
        raise _whole(path, "may not be read: permission denied") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _whole(path, f"cannot be read: {reason.lower()}") from error
    if len(content) > LARGEST:
        raise _whole(path, f"is larger than {LARGEST // 1024 // 1024} MiB, too large for {what}")
    return content


def _whole(path: Path, message: str) -> InventoryError:
    return InventoryError(path, [Problem(file=str(path), message=message)])


def _undecodable(path: Path, content: bytes, error: UnicodeDecodeError) -> InventoryError:
    line = content.count(b"\n", 0, error.start) + 1
    column = error.start - content.rfind(b"\n", 0, error.start)
    byte = content[error.start] if error.start < len(content) else 0
    message = (
        f"byte {error.start} of the file (0x{byte:02x}) is not {error.encoding.upper()}; save it as UTF-8"
    )
    return InventoryError(path, [Problem(file=str(path), line=line, column=column, message=message)])


def _unprintable(path: Path, text: str, at: int) -> InventoryError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    message = f"the character U+{ord(text[at]):04X} is not allowed in YAML"
    return InventoryError(path, [Problem(file=str(path), line=line, column=column, message=message)])
