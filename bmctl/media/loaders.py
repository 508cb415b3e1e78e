"""Finds the boot loaders that distributions install, and says what to install where they are missing."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from bmctl.errors import InvalidError
from bmctl.media.esp import fat_image
from bmctl.model.firmware import Architecture, BootMode

ROOT = Path("/")

# The image's own dates: it belongs to no node, so that all nodes share one.
IMAGE_TIMESTAMP = 315_532_800

# Read by a GRUB that looks beside itself: Fedora's, and any other that has not found the medium.
FALLBACK_CONFIGURATION = b"""\
search --no-floppy --set=root --file /.disk/bmctl
set prefix=($root)/boot/grub
configfile ($root)/boot/grub/grub.cfg
"""


class LoaderPart(StrEnum):
    """What a file is for."""

    SHIM = "shim"
    GRUB = "GRUB, signed"
    PLAIN_GRUB = "GRUB, unsigned"
    MOK_MANAGER = "MOK manager"
    ISOLINUX = "isolinux"
    LDLINUX = "ldlinux"
    HYBRID_MBR = "isolinux MBR"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    paths: tuple[str, ...]
    debian: str
    fedora: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderReport:
    """One loader file as `bmctl doctor` shows it; `path` None where it was not found.

    `packages` names what to install, per family of distributions.
    """

    architecture: Architecture
    part: LoaderPart
    path: Path | None
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderFiles:
    """The files that start a boot medium on one architecture.

    `first` is what UEFI starts: shim, then `grub` is what shim starts; or GRUB itself, then `grub` is
    None. `isolinux`, `ldlinux` and `hybrid_mbr` start it on a BIOS.
    """

    architecture: Architecture
    first: Path
    grub: Path | None = None
    mok_manager: Path | None = None
    isolinux: Path | None = None
    ldlinux: Path | None = None
    hybrid_mbr: Path | None = None

    @property
    def secure_boot(self) -> bool:
        """Whether firmware that enforces signatures starts it."""
        return self.grub is not None

    @property
    def boot_modes(self) -> tuple[BootMode, ...]:
        """The firmware interfaces that the medium boots with."""
        bios = self.isolinux is not None and self.ldlinux is not None
        return (BootMode.UEFI, BootMode.BIOS) if bios else (BootMode.UEFI,)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file of them."""
        found = (
            self.first,
            self.grub,
            self.mok_manager,
            self.isolinux,
            self.ldlinux,
            self.hybrid_mbr,
        )
        return tuple(path for path in found if path is not None)

    def efi_image(self) -> bytes:
        """The FAT image with the UEFI loader: one object for all media made of the same files."""
        paths = (self.first, self.grub, self.mok_manager)
        return _efi_image(self, tuple(path and _identity(path) for path in paths))


@functools.lru_cache(maxsize=8)
def _efi_image(loaders: LoaderFiles, _identities: tuple[object, ...]) -> bytes:
    suffix = _EFI_SUFFIX[loaders.architecture]
    files = {f"EFI/BOOT/BOOT{suffix}.EFI": loaders.first.read_bytes()}
    if loaders.grub is not None:
        files[f"EFI/BOOT/GRUB{suffix}.EFI"] = loaders.grub.read_bytes()
    if loaders.mok_manager is not None:
        files[f"EFI/BOOT/MM{suffix}.EFI"] = loaders.mok_manager.read_bytes()
    files["EFI/BOOT/GRUB.CFG"] = FALLBACK_CONFIGURATION
    return fat_image(files, timestamp=IMAGE_TIMESTAMP)


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


# UEFI specification, 3.5.1.1, "Removable Media Boot Behavior".
_EFI_SUFFIX = MappingProxyType({Architecture.X86_64: "X64", Architecture.AARCH64: "AA64"})


def _efi_candidates(short: str, grub: str, debian: str) -> dict[LoaderPart, _Candidate]:
    """Where Debian, Ubuntu and Fedora put UEFI loaders; `short` is x64 or aa64."""
    fedora = (
        "usr/lib/bootloader/EFI/fedora",
        "boot/efi/EFI/fedora",
        "boot/efi/EFI/centos",
        "boot/efi/EFI/redhat",
    )
    mok = tuple(f"{place}/mm{short}.efi" for place in fedora)
    return {
        LoaderPart.SHIM: _Candidate(
            paths=(
                f"usr/lib/shim/shim{short}.efi.signed",
                f"usr/lib/shim/shim{short}.efi.signed.latest",
                f"usr/lib/shim/shim{short}.efi.dualsigned",
                *(f"{place}/shim{short}.efi" for place in fedora),
            ),
            debian="shim-signed",
            fedora=f"shim-{short}",
        ),
        LoaderPart.GRUB: _Candidate(
            paths=(
                f"usr/lib/grub/{grub}-efi-signed/gcd{short}.efi.signed",
                *(f"{place}/gcd{short}.efi" for place in fedora),
            ),
            debian=f"grub-efi-{debian}-signed",
            fedora=f"grub2-efi-{short}-cdboot",
        ),
        LoaderPart.MOK_MANAGER: _Candidate(
            paths=(f"usr/lib/shim/mm{short}.efi.signed", f"usr/lib/shim/mm{short}.efi", *mok),
            debian=f"shim-helpers-{debian}-signed",
            fedora=f"shim-{short}",
        ),
        LoaderPart.PLAIN_GRUB: _Candidate(
            paths=(f"usr/lib/grub/{grub}-efi/monolithic/gcd{short}.efi",),
            debian=f"grub-efi-{debian}-bin",
            fedora=f"grub2-efi-{short}-cdboot",
        ),
    }


_BIOS = {
    LoaderPart.ISOLINUX: _Candidate(
        paths=("usr/lib/ISOLINUX/isolinux.bin", "usr/share/syslinux/isolinux.bin"),
        debian="isolinux",
        fedora="syslinux",
    ),
    LoaderPart.LDLINUX: _Candidate(
        paths=("usr/lib/syslinux/modules/bios/ldlinux.c32", "usr/share/syslinux/ldlinux.c32"),
        debian="syslinux-common",
        fedora="syslinux-nonlinux",
    ),
    LoaderPart.HYBRID_MBR: _Candidate(
        paths=("usr/lib/ISOLINUX/isohdpfx.bin", "usr/share/syslinux/isohdpfx.bin"),
        debian="isolinux",
        fedora="syslinux-nonlinux",
    ),
}

_CANDIDATES: Mapping[Architecture, Mapping[LoaderPart, _Candidate]] = MappingProxyType(
    {
        Architecture.X86_64: {**_efi_candidates("x64", "x86_64", "amd64"), **_BIOS},
        Architecture.AARCH64: _efi_candidates("aa64", "arm64", "arm64"),
    }
)


def find_loaders(architecture: Architecture, *, roots: Iterable[Path] = (ROOT,)) -> LoaderFiles:
    """The loaders of this architecture: the distribution's signed shim and GRUB, else a plain GRUB.

    `roots` are searched in order; each is a directory that looks like `/`. InvalidError where nothing
    that UEFI can start is found.
    """
    searched = tuple(roots)
    found = {
        part: path
        for part, candidate in _CANDIDATES[architecture].items()
        if (path := _find(candidate, searched)) is not None
    }
    bios = {
        "isolinux": found.get(LoaderPart.ISOLINUX),
        "ldlinux": found.get(LoaderPart.LDLINUX),
        "hybrid_mbr": found.get(LoaderPart.HYBRID_MBR),
    }
    shim, grub = found.get(LoaderPart.SHIM), found.get(LoaderPart.GRUB)
    if shim is not None and grub is not None:
        mok_manager = found.get(LoaderPart.MOK_MANAGER)
        return LoaderFiles(architecture=architecture, first=shim, grub=grub, mok_manager=mok_manager, **bios)
    if (plain := found.get(LoaderPart.PLAIN_GRUB) or grub) is not None:
        return LoaderFiles(architecture=architecture, first=plain, **bios)
    raise InvalidError(f"no UEFI boot loader for {architecture} found", hint=_hint(architecture))


def report(
    *, architectures: Iterable[Architecture] = (Architecture.X86_64,), roots: Iterable[Path] = (ROOT,)
) -> tuple[LoaderReport, ...]:
    """Every loader file bmctl can use: where it is, or which package brings it."""
    searched = tuple(roots)
    return tuple(
        LoaderReport(
            architecture=architecture,
            part=part,
            path=_find(candidate, searched),
            packages={"Debian, Ubuntu": candidate.debian, "Fedora": candidate.fedora},
        )
        for architecture in architectures
        for part, candidate in _CANDIDATES[architecture].items()
    )


def _find(candidate: _Candidate, roots: tuple[Path, ...]) -> Path | None:
    places = (root / path for root in roots for path in candidate.paths)
    return next((place for place in places if place.is_file()), None)


def _hint(architecture: Architecture) -> str:
    wanted = _CANDIDATES[architecture]
    parts = (wanted[LoaderPart.SHIM], wanted[LoaderPart.GRUB])
    debian = " ".join(part.debian for part in parts)
    fedora = " ".join(part.fedora for part in parts)
    return f"install them: apt-get install {debian} (Debian, Ubuntu), dnf install {fedora} (Fedora)"
