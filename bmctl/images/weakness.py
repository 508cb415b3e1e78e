"""What an image's description leaves open to tampering, in words for plan, run and upgrade check."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.errors import InvalidError
from bmctl.images.checksums import WEAK, read_checksum
from bmctl.images.fetch import is_url
from bmctl.model.image import AUTO, ImageSource, SignedPart


def warnings_of(image: ImageSource) -> tuple[str, ...]:
    """Every way in which somebody could slip in another image; none where the description is strong."""
    return tuple(_warnings(image))


def _warnings(image: ImageSource) -> Iterator[str]:
    signed = image.signature is not None
    if not (signed and image.signature and image.signature.of is SignedPart.IMAGE):
        yield from _weak_checksum(image)
    if image.verify_tls is False and not signed and _comes_by(image, "https://"):
        yield f"image {image.name}: the server's certificate is not checked (verify: false)"
    if not signed and _has_checksum_file(image) and _checksum_place(image).startswith("http://"):
        yield (
            f"image {image.name}: its checksum comes by plain HTTP and is not signed:"
            " whoever is on the way can change image and checksum"
        )


def _weak_checksum(image: ImageSource) -> Iterator[str]:
    if not image.allow_weak_checksum or image.checksum is None:
        return
    if _has_checksum_file(image):
        yield f"image {image.name}: MD5 and SHA-1 are accepted, which prove nothing against tampering"
    elif (algorithm := _algorithm(image.checksum)) in WEAK.values():
        weak = f"its checksum is {algorithm.upper()}"
        yield f"image {image.name}: {weak}, which proves nothing against tampering"


def _algorithm(checksum: str) -> str:
    try:
        known = read_checksum(checksum, allow_weak=True)
    except InvalidError:
        return ""  # the check of the image says what is wrong with it
    return known.algorithm if known else ""


def _has_checksum_file(image: ImageSource) -> bool:
    return image.checksum is not None and (image.checksum == AUTO or "/" in image.checksum)


def _checksum_place(image: ImageSource) -> str:
    place = image.source if image.checksum == AUTO else image.checksum
    return (place or "").lower()


def _comes_by(image: ImageSource, scheme: str) -> bool:
    places = (image.source, _checksum_place(image))
    return any(is_url(place) and place.lower().startswith(scheme) for place in places)
