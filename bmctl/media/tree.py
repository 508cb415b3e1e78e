"""The directory tree of an ISO image, put into pycdlib: real names in Rock Ridge, plain ones beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from bmctl.errors import InvalidError
from bmctl.media.extents import Extent
from bmctl.media.mastering import StandIn

if TYPE_CHECKING:
    from pycdlib import PyCdlib

FILE_MODE = 0o100444
DIRECTORY_MODE = 0o040555
# ECMA-119, 7.5 and 7.6, at interchange level 3, with room for a number that makes a name unique.
LONGEST_STEM = 20
LONGEST_EXTENSION = 3

_FORBIDDEN = re.compile(r"[^A-Z0-9_]")


class Tree:
    """Adds files by their real path and remembers what ISO 9660 calls them.

    With `joliet` the real names are there for Windows as well.
    """

    def __init__(self, iso: PyCdlib, *, joliet: bool = False) -> None:
        self._iso = iso
        self._joliet = joliet
        self._plain: dict[PurePosixPath, str] = {PurePosixPath("/"): ""}
        self._taken: set[str] = set()

    def add(self, path: str, content: Extent) -> None:
        """Add a file with its directories; each path once."""
        real = _checked(path)
        self._add_directories(real.parent)
        name = self._name(real, file=True)
        self._iso.add_fp(
            cast("BinaryIO", StandIn(content)),
            content.length,
            f"{name};1",
            rr_name=real.name,
            file_mode=FILE_MODE,
            joliet_path=self._joliet_name(real),
        )

    def plain_name(self, path: str) -> str:
        """What ISO 9660 calls the file, with its version."""
        return f"{self._plain[_checked(path)]};1"

    def offsets(self, paths: Mapping[str, Extent]) -> dict[str, int]:
        """Where each file's content will stand, in bytes."""
        self._iso.force_consistency()
        return {
            path: self._iso.get_record(iso_path=self.plain_name(path)).extent_location() * 2048
            for path in paths
        }

    def _add_directories(self, directory: PurePosixPath) -> None:
        if directory in self._plain:
            return
        self._add_directories(directory.parent)
        self._iso.add_directory(
            self._name(directory, file=False),
            rr_name=directory.name,
            file_mode=DIRECTORY_MODE,
            joliet_path=self._joliet_name(directory),
        )

    def _joliet_name(self, real: PurePosixPath) -> str | None:
        return str(real) if self._joliet else None

    def _name(self, real: PurePosixPath, *, file: bool) -> str:
        if real in self._plain:
            raise InvalidError(f"the boot medium would have {real} twice")
        parent = self._plain[real.parent]
        name = next(
            candidate
            for number in range(1000)
            if (candidate := f"{parent}/{_plain(real.name, number, file=file)}") not in self._taken
        )
        self._taken.add(name)
        self._plain[real] = name
        return name


def _checked(path: str) -> PurePosixPath:
    real = PurePosixPath("/", path)
    if ".." in real.parts or real == PurePosixPath("/"):
        raise InvalidError(f"{path} is no path of a file on a boot medium")
    return real


def _plain(name: str, number: int, *, file: bool) -> str:
    stem, _, extension = name.upper().rpartition(".") if file and "." in name[1:] else (name.upper(), "", "")
    unique = str(number) if number else ""
    short = _FORBIDDEN.sub("_", stem)[:LONGEST_STEM] + unique
    return f"{short}.{_FORBIDDEN.sub('_', extension)[:LONGEST_EXTENSION]}" if file else short
