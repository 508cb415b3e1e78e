"""Room on this host for what an image unpacks to: enough of it, and in proportion to what was packed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bmctl.errors import BmctlError, InvalidError
from bmctl.model.amounts import size

GIB = 2**30
_LOOK_EVERY = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How large an image may become, in bytes.

    `largest` counts all of the disk, zeros too. What is not zero may be `ratio` times what was packed, once
    it is more than `unasked`: real systems stay below 20, made-up bombs reach 1000 and more.
    """

    largest: int = 256 * GIB
    ratio: int = 200
    unasked: int = GIB


class Room:
    """Where one image is written: raises before the disk is full, or when it grows out of all proportion."""

    def __init__(self, directory: Path, *, name: str, packed: int, bounds: Bounds) -> None:
        self._directory = directory
        self._name = name
        self._packed = packed
        self._bounds = bounds
        self._next_look = 0

    def want(self, whole: int, filled: int) -> None:
        """A disk of `whole` bytes, of which `filled` take space, is about to be written."""
        self._check_proportion(whole, filled)
        free = _free(self._directory)
        if filled > free - _reserve(self._directory):
            raise BmctlError(
                f"{self._name} needs {size(filled)} in {self._directory}, which has {size(free)} free",
                hint="make room there, or name another cache directory with BMCTL_CACHE",
            )

    def took(self, whole: int, filled: int) -> None:
        """So much has been written by now."""
        self._check_proportion(whole, filled)
        if filled >= self._next_look:
            self._next_look = filled + _LOOK_EVERY
            self.look()

    def look(self) -> None:
        """See that there is still room; raises `BmctlError` before other programs run out of it."""
        free = _free(self._directory)
        if free < _reserve(self._directory):
            raise BmctlError(
                f"{self._name} leaves no room in {self._directory}: {size(free)} free",
                hint="make room there, or name another cache directory with BMCTL_CACHE",
            )

    def _check_proportion(self, whole: int, filled: int) -> None:
        bounds = self._bounds
        if whole > bounds.largest:
            raise InvalidError(
                f"{self._name} is larger than {size(bounds.largest)}",
                hint="it may be made to fill the disk; unpack it by hand if it is really that large",
            )
        if filled > bounds.unasked and filled > self._packed * bounds.ratio:
            raise InvalidError(
                f"{self._name} unpacks to more than {bounds.ratio} times its {size(self._packed)}:"
                " a decompression bomb",
                hint="unpack it by hand if you know that it is none",
            )


def _free(directory: Path) -> int:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def _reserve(directory: Path) -> int:
    """What stays free: a twentieth of the file system, at most 1 GiB."""
    status = os.statvfs(directory)
    return min(GIB, status.f_blocks * status.f_frsize // 20)
