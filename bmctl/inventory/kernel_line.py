"""Words for a ramdisk's kernel command line: which are let through, and how they are split."""

from __future__ import annotations

import re
from typing import Any

from bmctl.inventory.text_values import kind_of, plain_text

# bmctl writes these itself; a second one would make the agent call home, or look for another disc.
RESERVED = frozenset({"boot_method", "ipa-api-url", "ipa-agent-token", "ir_pub_id"})

_KEY = re.compile(r"[A-Za-z0-9_.-]+")
_VALUE = re.compile(r'[\x21\x23-\x7e]*|"[\x20\x21\x23-\x7e]*"')
_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')


def parameters(value: Any) -> tuple[str, ...]:
    """Kernel parameters from one text or a list of texts, in order.

    A parameter is a key of letters, digits, `_`, `.` and `-`, alone or with `=` and a value of
    printable ASCII; blanks stand in double quotes only. Raises ValueError for any other.
    """
    if isinstance(value, dict):
        raise ValueError(f"must be text or a list of texts, not {kind_of(value)}")  # noqa: TRY004 - pydantic reports ValueError
    texts = value if isinstance(value, list) else [value]
    return tuple(_checked(word) for text in texts for word in _words(plain_text(text)))


def _words(text: str) -> list[str]:
    if text.count('"') % 2:
        raise ValueError("has a double quote that is never closed")
    return _WORD.findall(text)


def _checked(word: str) -> str:
    key, equals, value = word.partition("=")
    if not _KEY.fullmatch(key):
        raise ValueError(f'"{word}" is not a kernel parameter: its name may have letters, digits, _ . and -')
    if equals and not _VALUE.fullmatch(value):
        raise ValueError(
            f'"{word}" is not a kernel parameter: its value may have printable ASCII, blanks in quotes'
        )
    if key in RESERVED:
        raise ValueError(f'"{key}" is set by bmctl itself')
    return word
