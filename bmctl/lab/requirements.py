"""The programs and files a lab is made of, and what to install where they are missing."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bmctl.errors import BmctlError
from bmctl.model.firmware import BootMode

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Something a lab needs: a program by name, a path, or a Python module, and its Debian package."""

    name: str
    package: str | None


PROGRAMS = (
    Requirement(name="unshare", package="util-linux"),
    Requirement(name="nsenter", package="util-linux"),
    Requirement(name="mount", package="mount"),
    Requirement(name="ip", package="iproute2"),
    Requirement(name="qemu-system-x86_64", package="qemu-system-x86"),
    Requirement(name="qemu-img", package="qemu-utils"),
    Requirement(name="libvirtd", package="libvirt-daemon-system"),
    Requirement(name="virsh", package="libvirt-clients"),
)
# libvirt sets supplementary groups, which needs more than the one id a normal user can map alone.
USER_PROGRAMS = (Requirement(name="newuidmap", package="uidmap"),)
FILES = (
    Requirement(name="/dev/net/tun", package=None),
    Requirement(name="/var/lib/libvirt", package="libvirt-daemon-system"),
)
FIRMWARE = Requirement(name="/usr/share/OVMF/OVMF_CODE_4M.fd", package="ovmf")
IMAGE_PROGRAMS = (
    Requirement(name="mmdebstrap", package="mmdebstrap"),
    Requirement(name="mke2fs", package="e2fsprogs"),
    Requirement(name="mkfs.vfat", package="dosfstools"),
    Requirement(name="mcopy", package="mtools"),
    Requirement(name="mmd", package="mtools"),
    Requirement(name="qemu-img", package="qemu-utils"),
)
MODULES = ("libvirt", "sushy_tools", "bcrypt")


def find_program(name: str) -> str | None:
    """Where a program is, system directories included even if the caller's PATH lacks them."""
    return shutil.which(name) or shutil.which(name, path=SEARCH_PATH)


def require_lab(firmware: BootMode, *, user_namespace: bool = False) -> None:
    """Raise one BmctlError that names everything a lab lacks here."""
    programs = (*PROGRAMS, *USER_PROGRAMS) if user_namespace else PROGRAMS
    files = (*FILES, FIRMWARE) if firmware is BootMode.UEFI else FILES
    missing = [*_absent(programs, find_program), *_absent(files, _existing)]
    modules = [module for module in MODULES if importlib.util.find_spec(module) is None]
    _refuse("the virtual lab", missing, modules)


def require_image() -> None:
    """Raise one BmctlError that names everything the test image cannot be made without."""
    _refuse("making the test image", _absent(IMAGE_PROGRAMS, find_program), [])


def _existing(path: str) -> str | None:
    return path if Path(path).exists() else None


def _absent(wanted: Iterable[Requirement], find: Callable[[str], str | None]) -> list[Requirement]:
    return [requirement for requirement in wanted if find(requirement.name) is None]


def _refuse(purpose: str, missing: list[Requirement], modules: list[str]) -> None:
    if not missing and not modules:
        return
    names = [*(requirement.name for requirement in missing), *(f"Python's {name}" for name in modules)]
    packages = sorted({requirement.package for requirement in missing if requirement.package})
    hints = []
    if packages:
        hints.append(f"apt-get install {' '.join(packages)}")
    if modules:
        hints.append("install bmctl with its lab extra: pip install 'bmctl[lab]'")
    if any(requirement.package is None for requirement in missing):
        hints.append("load the kernel module tun")
    raise BmctlError(f"{purpose} lacks {', '.join(names)}", hint=", then ".join(hints))
