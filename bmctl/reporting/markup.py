"""Writes markup that is well-formed as HTML and as XML; text is escaped unless it is markup already."""

from __future__ import annotations

import html
import re

# HTML knows these only without an end tag; all others need one.
_VOID = frozenset({"meta", "br"})
# XML 1.0, 2.2: what may stand in a document, even escaped.
_FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


class Markup(str):
    """Text that is markup and stays as it is."""

    __slots__ = ()


def element(name: str, /, *children: str | Markup | None, **attributes: object) -> Markup:
    """One element. `class_` and `font_size` are written class and font-size; None leaves a thing out."""
    shown = "".join(
        f' {_attribute(key)}="{_escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{shown} />")
    return Markup(f"<{name}{shown}>{joined(*children)}</{name}>")


def joined(*children: str | Markup | None) -> Markup:
    """Pieces one after the other."""
    return Markup(
        "".join(child if isinstance(child, Markup) else _escape(child) for child in children if child)
    )


def _attribute(key: str) -> str:
    # These are written with capitals, in HTML as in XML.
    if key in {"viewBox", "patternUnits", "patternTransform"}:
        return key
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def _escape(text: str) -> str:
    return html.escape(_FORBIDDEN.sub("\ufffd", text))
