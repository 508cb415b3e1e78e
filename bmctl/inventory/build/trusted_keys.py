"""Public keys that images are signed with: the entries of `keys`."""

from __future__ import annotations

from pathlib import Path

from bmctl.inventory.build.files import FILE, absolute
from bmctl.inventory.report import Notes
from bmctl.model.image import TrustedKey


def build_key(name: str, text: str, base: Path, notes: Notes) -> TrustedKey | None:
    """An entry of `keys`; None where it is wrong. What is in a file is read when an image is checked."""
    if "PRIVATE KEY" in text or "secret key" in text:
        notes.wrong(name, message="is a private key; give the public one")
        return None
    if not text.startswith(FILE):
        return TrustedKey(name=name, text=text)
    named = text.removeprefix(FILE).strip()
    path = absolute(named, base)
    if not Path(path).is_file():
        notes.wrong(name, message=f"there is no file {named}")
        return None
    return TrustedKey(name=name, path=path)
