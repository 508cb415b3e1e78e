"""Values that nobody but their reader knows the type of: arguments of steps.

Plain scalars are typed as YAML 1.2 types them (10.3.2, core schema), so that `Off`, `no` and `12:30`
stay text, as firmware settings want them. Only values that JSON has come out.
"""

from __future__ import annotations

import math
import re
from typing import Any

from bmctl.inventory.tree import Body, Items, Quoted, Tree

_SWITCHES = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# Digits are bounded: text of a million digits would take minutes to become a number.
_DECIMAL = re.compile(r"[-+]?[0-9]{1,300}", re.ASCII)
_PREFIXED = re.compile(r"0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,300}|[0-9]{1,300}(\.[0-9]{0,300})?)([eE][-+]?[0-9]{1,9})?", re.ASCII)


def typed(tree: Tree) -> Any:
    """The tree as plain values: dict, list, str, int, float, bool and None."""
    match tree:
        case Body():
            return {key: typed(value) for key, value in tree.items()}
        case Items():
            return [typed(value) for value in tree]
        case Quoted() | None:
            return None if tree is None else str(tree)
        case _:
            return _scalar(tree)


def _scalar(text: str) -> Any:
    if text in _SWITCHES:
        return _SWITCHES[text]
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _PREFIXED.fullmatch(text):
        return int(text, 0)
    # Infinity and NaN are not numbers in JSON (RFC 8259, 6): such text stays text.
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
