"""Keys of an image."""

from __future__ import annotations

from pydantic import Field

from bmctl.inventory.keys.base import Keys, Line, Switch
from bmctl.inventory.keys.bmc import Verify


class ImageKeys(Keys):
    """What is written to a machine's disk."""

    source: Line | None = Field(None, description="Path, relative to the inventory, or http(s) URL")
    checksum: Line | None = Field(
        None, description="SHA-256 or SHA-512 in hex, algorithm:hex, or path or URL of a checksum file"
    )
    allow_weak_checksum: Switch = Field(default=False, description="Accept MD5 or SHA-1")
    read_back: Switch = Field(
        default=True, description="Whether what was written is read back from the disk and compared"
    )
    verify: Verify = Field(
        default=True, description="Whether a server's certificate is checked, or a CA file"
    )
