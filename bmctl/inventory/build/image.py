"""Images: the entries of `images`, and what a node's `image` means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bmctl.inventory.build.files import absolute
from bmctl.inventory.keys.image import ImageKeys
from bmctl.inventory.report import Notes
from bmctl.inventory.text_values import close_match
from bmctl.model.image import ImageSource

_DIGEST = re.compile(r"[A-Za-z0-9-]+:[0-9A-Fa-f]+|[0-9A-Fa-f]{32,}")


def build_image(name: str, keys: ImageKeys, base: Path, notes: Notes) -> ImageSource | None:
    """An entry of `images`; None where its source is missing or of an unknown kind."""
    if keys.source is None:
        notes.missing("source", message="is missing: a path or URL")
        return None
    source = _source(keys.source, base, notes, "source")
    if source is None:
        return None
    return ImageSource(
        name=name,
        source=source,
        checksum=_checksum(keys.checksum, base),
        allow_weak_checksum=keys.allow_weak_checksum,
        read_back=keys.read_back,
        verify_tls=keys.verify if isinstance(keys.verify, bool) else absolute(keys.verify, base),
    )


def chosen_image(
    text: str, images: Mapping[str, ImageSource | None], base: Path, notes: Notes
) -> ImageSource | None:
    """The image a node names: an entry of `images`, else a path or URL."""
    if text in images:
        return images[text]
    if "/" not in text and not (base / text).is_file():
        match = close_match(text, images)
        notes.wrong("image", message=f'"{text}" is no entry of images and no file here{match}')
        return None
    source = _source(text, base, notes, "image")
    return ImageSource(name=text.rstrip("/").rpartition("/")[2] or text, source=source) if source else None


def _source(text: str, base: Path, notes: Notes, *steps: str) -> str | None:
    scheme, found, rest = text.partition("://")
    if not found:
        return absolute(text, base)
    match scheme.lower():
        case "file":
            return absolute(rest, base)
        case "http" | "https":
            return text
        case _:
            notes.wrong(
                *steps,
                message=f'"{scheme}://" is not a kind of image source; use a path, http:// or https://',
            )
            return None


def _checksum(text: str | None, base: Path) -> str | None:
    if text is None or "://" in text or _DIGEST.fullmatch(text):
        return text
    return absolute(text, base)
