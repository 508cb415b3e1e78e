"""What the publisher says of an image: its checksum, from wherever it is written, and who signed for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bmctl.errors import InvalidError
from bmctl.images.checksums import find_checksum, read_checksum, read_text
from bmctl.images.fetch import LARGEST_CHECKSUM_FILE, fetch_if_there, fetch_small, file_path, is_url, shown
from bmctl.images.signatures import Proof, read_proof, read_trust, signed_text
from bmctl.model.image import AUTO, Checksum, ImageSource, SignedPart

Clock = Callable[[], datetime]

_BESIDE = (
    "{name}.sha512",
    "{name}.sha512sum",
    "{name}.sha256",
    "{name}.sha256sum",
    "SHA512SUMS",
    "SHA256SUMS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """`checksum` is what the image must have, if anything says so; `signer` who signed the checksum file.

    `proof` is a signature over the image, still to be held against it.
    """

    checksum: Checksum | None
    signer: str = ""
    proof: Proof | None = None


async def read_published(image: ImageSource, clock: Clock) -> Published:
    """Read checksum and signature from where the inventory says they are.

    Raises `InvalidError` where one is missing, wrong, weak or not to be trusted.
    """
    signature = image.signature
    if signature is None:
        return Published(checksum=await _checksum(image))
    trust = read_trust(signature.keys)
    written = None
    if signature.source is not None:
        written = await _read(signature.source, "the signature", image)
    if signature.of is SignedPart.CHECKSUM:
        content, place = await _checksum_file(image)
        text, signer = signed_text(content, written, trust, clock())
        return Published(checksum=_found(text, place, image), signer=signer)
    if written is None:
        raise InvalidError(
            "there is no signature to hold against it",
            hint="name the file of the signature with signature.source",
        )
    return Published(checksum=await _checksum(image), proof=read_proof(written, trust, clock()))


async def _checksum(image: ImageSource) -> Checksum | None:
    if image.checksum is None:
        return None
    if image.checksum != AUTO and (
        known := read_checksum(image.checksum, allow_weak=image.allow_weak_checksum)
    ):
        return known
    content, place = await _checksum_file(image)
    return _found(content, place, image)


def _found(content: bytes, place: str, image: ImageSource) -> Checksum:
    try:
        name = file_path(image.source)
        return find_checksum(read_text(content), name, allow_weak=image.allow_weak_checksum)
    except InvalidError as error:
        raise InvalidError(f"{error.message} ({shown(place)})", hint=error.hint) from error


async def _checksum_file(image: ImageSource) -> tuple[bytes, str]:
    """The checksum file and where it is."""
    text = image.checksum
    if text == AUTO:
        return await _beside(image)
    if text is None or read_checksum(text, allow_weak=True):
        raise InvalidError(
            "what is signed is the checksum file, and checksum names none",
            hint="set checksum to the path or URL of the checksum file, or signature.of to image",
        )
    return await _read(text, "the checksum file", image), text


async def _beside(image: ImageSource) -> tuple[bytes, str]:
    """The first file beside the image that has its checksum."""
    folder, _, name = image.source.partition("?")[0].rpartition("/")
    for form in _BESIDE:
        place = f"{folder}/{form.format(name=name)}"
        content = await _read_if_there(place, image)
        if content is None:
            continue
        try:
            _found(content, place, image)
        except InvalidError:
            continue  # others may know the image
        return content, place
    raise InvalidError(
        "there is no checksum file beside it",
        hint=f"looked for {', '.join(form.format(name=name) for form in _BESIDE)}; set checksum to its place",
    )


async def _read_if_there(place: str, image: ImageSource) -> bytes | None:
    if is_url(place):
        return await fetch_if_there(place, verify_tls=image.verify_tls)
    path = Path(place)
    return await _read(place, "the checksum file", image) if path.is_file() else None


async def _read(place: str, what: str, image: ImageSource) -> bytes:
    if is_url(place):
        return await fetch_small(place, verify_tls=image.verify_tls)
    try:
        with Path(place).open("rb") as file:
            return file.read(LARGEST_CHECKSUM_FILE)
    except OSError as error:
        hint = (
            "a checksum is 64 or 128 hex digits, algorithm:hex, auto, or the path or URL of a checksum file"
        )
        raise InvalidError(
            f"{what} {place} cannot be read: {error.strerror}",
            hint=hint if what == "the checksum file" else None,
        ) from error
