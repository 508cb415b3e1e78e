"""The kernel's command line: checked, and written so that each boot loader hands it on unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bmctl.errors import InvalidError

# The kernel of x86 takes 2048 bytes with the closing zero (Documentation/admin-guide/kernel-parameters).
LONGEST_LINE = 2047

DEFAULT_CONSOLES = ("tty0", "ttyS0,115200n8")

_KEY = re.compile(r"[A-Za-z0-9_.-]+")
# Blanks may only stand between double quotes, where the kernel keeps them.
_WORDS = re.compile(r'(?:[^\s"]|"[^"]*")+')
# GRUB puts a backslash before these when it hands the line on.
_CHANGED_BY_GRUB = frozenset("\\'")


def kernel_line(
    *,
    publisher: str,
    consoles: Iterable[str] = DEFAULT_CONSOLES,
    parameters: Iterable[str] = (),
) -> str:
    """The line for an agent ramdisk on a boot medium whose publisher id is `publisher`.

    `ir_pub_id` lets the ramdisk tell this medium from an old config drive on a disk, and
    `boot_method=vmedia` makes the agent take its configuration from the medium. The last console
    is the kernel's main one. `parameters` come last, so that an operator's choice wins.
    """
    words = [f"console={console}" for console in consoles]
    words += [f"ir_pub_id={publisher}", "boot_method=vmedia"]
    line = " ".join([*words, *parameters])
    split_line(line)
    return line


def split_line(line: str) -> tuple[str, ...]:
    """The line's words, without the quotes around blanks. InvalidError for what a loader would change."""
    if len(line.encode()) > LONGEST_LINE:
        raise InvalidError(f"the kernel line has {len(line)} characters, and the kernel takes {LONGEST_LINE}")
    if not line.isascii() or not line.isprintable():
        raise InvalidError("the kernel line holds a character that is not printable ASCII")
    if line.count('"') % 2:
        raise InvalidError('the kernel line has a double quote (") without its partner')
    words = _WORDS.findall(line)
    for word in words:
        _check_word(word)
    return tuple(word.replace('"', "") for word in words)


def _check_word(word: str) -> None:
    key = word.partition("=")[0]
    if not _KEY.fullmatch(key):
        raise InvalidError(f"the kernel parameter {word} does not begin with a name of A-Z a-z 0-9 _ . -")
    if changed := sorted(_CHANGED_BY_GRUB & set(word)):
        raise InvalidError(
            f"the kernel parameter {key} holds {changed[0]}, which GRUB does not hand on as it is"
        )


def for_grub(line: str) -> str:
    """The line's words quoted for GRUB's shell; GRUB puts quotes around blanks again by itself."""
    return " ".join(f"'{word}'" for word in split_line(line))


def for_isolinux(line: str) -> str:
    """The line as isolinux hands it on: unchanged."""
    return " ".join(f'"{word}"' if " " in word else word for word in split_line(line))
