"""Keys of an image, and of the public keys that images are signed with."""

from __future__ import annotations

from functools import partial
from typing import Annotated, TypeAlias

from pydantic import Field

from bmctl.inventory import text_values
from bmctl.inventory.keys.base import Keys, Line, OneOrMany, Switch, described, reads
from bmctl.inventory.keys.bmc import Verify
from bmctl.model.image import SignedPart

Part: TypeAlias = Annotated[
    SignedPart,
    reads(partial(text_values.choice, kind=SignedPart)),
    described(enum=[member.value for member in SignedPart]),
]


class SignatureKeys(Keys):
    """Whose signature an image must carry."""

    key: OneOrMany[Line] = Field((), description="Names of keys, one of which must have signed")
    source: Line | None = Field(
        None, description="Path or URL of the signature; without it, the checksum file carries its own"
    )
    of: Part | None = Field(
        None, description="What is signed; where not given, the checksum file if there is one, else the image"
    )


class ImageKeys(Keys):
    """What is written to a machine's disk."""

    source: Line | None = Field(None, description="Path, relative to the inventory, or http(s) URL")
    checksum: Line | None = Field(
        None,
        description="SHA-256 or SHA-512 in hex, algorithm:hex, path or URL of a checksum file,"
        " or auto: the checksum file beside the image",
    )
    allow_weak_checksum: Switch = Field(default=False, description="Accept MD5 or SHA-1")
    read_back: Switch = Field(
        default=True, description="Whether what was written is read back from the disk and compared"
    )
    signature: SignatureKeys | None = Field(None, description="Whose signature it must carry")
    verify: Verify = Field(
        default=True, description="Whether a server's certificate is checked, or a CA file"
    )
