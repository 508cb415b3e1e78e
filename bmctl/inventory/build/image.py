"""Images: the entries of `images`, and what a node's `image` means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bmctl.inventory.build.files import absolute
from bmctl.inventory.keys.image import ImageKeys, SignatureKeys
from bmctl.inventory.report import Notes
from bmctl.inventory.text_values import close_match
from bmctl.model.image import AUTO, ImageSource, Signature, SignedPart, TrustedKey

_DIGEST = re.compile(r"[A-Za-z0-9-]+:[0-9A-Fa-f]+|[0-9A-Fa-f]{32,}")


def build_image(
    name: str, keys: ImageKeys, trusted: Mapping[str, TrustedKey | None], base: Path, notes: Notes
) -> ImageSource | None:
    """An entry of `images`; None where its source is missing or of an unknown kind."""
    if keys.source is None:
        notes.missing("source", message="is missing: a path or URL")
        return None
    source = _source(keys.source, base, notes, "source")
    if source is None:
        return None
    checksum = _checksum(keys.checksum, base)
    signature = None
    if keys.signature is not None:
        signature = _signature(keys.signature, checksum, trusted, base, notes.within("signature"))
    return ImageSource(
        name=name,
        source=source,
        checksum=checksum,
        signature=signature,
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
    if text is None or _is_no_path(text):
        return text
    return absolute(text, base)


def _is_no_path(checksum: str) -> bool:
    return "://" in checksum or checksum == AUTO or _DIGEST.fullmatch(checksum) is not None


def _signature(
    keys: SignatureKeys,
    checksum: str | None,
    trusted: Mapping[str, TrustedKey | None],
    base: Path,
    notes: Notes,
) -> Signature | None:
    has_file = checksum is not None and not _DIGEST.fullmatch(checksum)
    part = keys.of or (SignedPart.CHECKSUM if has_file else SignedPart.IMAGE)
    if part is SignedPart.CHECKSUM and not has_file:
        notes.wrong("of", message="the image's checksum is no file that could be signed")
    source = _source(keys.source, base, notes, "source") if keys.source else None
    if part is SignedPart.IMAGE and keys.source is None:
        notes.missing("source", message="is missing: path or URL of the signature of the image")
    chosen = _chosen_keys(keys.key, trusted, notes)
    return Signature(of=part, keys=chosen, source=source) if chosen else None


def _chosen_keys(
    names: tuple[str, ...], trusted: Mapping[str, TrustedKey | None], notes: Notes
) -> tuple[TrustedKey, ...]:
    if not names:
        notes.missing("key", message="is missing: the name of an entry of keys")
    for position, name in enumerate(names):
        if name not in trusted:
            message = f'there is no key "{name}" in keys{close_match(name, trusted)}'
            notes.wrong("key", position, message=message)
    return tuple(key for name in names if (key := trusted.get(name)))
