"""The virtual drives of a machine, through sushy. Everything here blocks."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import sushy
import sushy.exceptions

# A drive looked at this recently is not looked at again before something is put into it.
_FRESH = 2.0
_CD = frozenset({sushy.VirtualMediaType.CD, sushy.VirtualMediaType.DVD})


class Slot:
    """One virtual drive, as it was last read."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource
        self._read_at = time.monotonic()

    @property
    def name(self) -> str:
        """The drive's id at the controller."""
        return str(self._resource.identity or self._resource.name)

    @property
    def holds_cd(self) -> bool:
        """Whether the drive takes an ISO image."""
        return bool(_CD & set(self._resource.media_types or ()))

    @property
    def full(self) -> bool:
        """Whether there is an image in it; what is not told counts as empty unless an image is named."""
        inserted = self._resource.inserted
        return bool(self.image) if inserted is None else bool(inserted)

    @property
    def image(self) -> str:
        """The URL of the image; empty where it is not told."""
        return self._resource.image or ""

    def holds(self, url: str) -> bool:
        """Whether it holds that image; a controller may blank or rewrite all but the file's name."""
        if not self.full:
            return False
        shown = self.image or self._resource.image_name or ""
        return not shown or _file(shown) == _file(url)

    def look(self, *, fresh: bool = False) -> None:
        """Read the drive again; with `fresh` only if it was not read a moment ago."""
        if not fresh or time.monotonic() - self._read_at > _FRESH:
            self._resource.refresh(force=True)
            self._read_at = time.monotonic()

    def insert(self, url: str) -> None:
        """Ask the controller to put the image in."""
        self._read_at = 0.0
        self._resource.insert_media(url)

    def eject(self) -> None:
        """Ask the controller to take the image out. It may refuse without a word: look afterwards."""
        self._read_at = 0.0
        self._resource.eject_media()


def slots_of(system: Any) -> tuple[Slot, ...]:
    """The machine's drives: the system's own where it has them (newer schemas), else its managers'."""
    try:
        return _slots(system)
    except (sushy.exceptions.MissingAttributeError, sushy.exceptions.ResourceNotFoundError):
        pass
    found: list[Slot] = []
    for manager in system.managers:
        try:
            found += _slots(manager)
        except sushy.exceptions.MissingAttributeError:
            continue
    return tuple(found)


def _slots(resource: Any) -> tuple[Slot, ...]:
    return tuple(Slot(member) for member in resource.virtual_media.get_members())


def _file(url: str) -> str:
    """The last part of a URL's path."""
    return urlsplit(url).path.rstrip("/").rpartition("/")[2]
