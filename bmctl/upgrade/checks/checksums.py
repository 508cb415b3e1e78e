"""Every image is proven by a checksum that nobody can forge."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bmctl.errors import BmctlError
from bmctl.images.checksums import WEAK, read_checksum
from bmctl.inventory.tree import locate
from bmctl.model.image import Checksum, ImageSource
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look

_WEAK_FILE = re.compile(r"(md5|sha-?1)(sums?)?($|[^0-9])", re.IGNORECASE)


def _run(look: Look) -> Iterator[Finding]:
    for image, place in _images(look):
        if found := _weakness(image):
            weak, remedy = found
            yield Finding(
                level=Level.WARNING if image.allow_weak_checksum else Level.FAILURE,
                text=f"image {image.name}: {weak}",
                remedy=remedy,
                place=place,
            )


def _images(look: Look) -> Iterator[tuple[ImageSource, str]]:
    """Every image, also those that a node names by path or URL, with its place."""
    named = look.inventory.inventory.images
    for image in named.values():
        yield image, _place(look, image.name)
    for node in look.nodes:
        if node.image is not None and node.image.name not in named:
            yield node.image, look.place(node.name, "image")


def _weakness(image: ImageSource) -> tuple[str, str] | None:
    """What is weak about the image's checksum, and what to do."""
    give = "give its SHA-256 or SHA-512"
    if image.checksum is None:
        return ("it comes from a URL and has no checksum", give) if "://" in image.source else None
    try:
        checksum = read_checksum(image.checksum, allow_weak=True)
    except BmctlError as error:
        return error.message, error.hint or give
    if checksum is None:
        name = image.checksum.rpartition("/")[2]
        return (f"{name} looks like a file of weak checksums", give) if _WEAK_FILE.search(name) else None
    return _weak_algorithm(checksum, give)


def _weak_algorithm(checksum: Checksum, give: str) -> tuple[str, str] | None:
    if checksum.algorithm not in WEAK.values():
        return None
    return f"{checksum.algorithm.upper()} proves nothing against tampering", give


def _place(look: Look, name: str) -> str:
    line, column = locate(look.inventory.root, ("images", name, "checksum")).value_at
    return f"{look.sources.inventory}:{line}:{column}"


CHECK = Check(name="checksums", title="Weak checksums", run=_run)
