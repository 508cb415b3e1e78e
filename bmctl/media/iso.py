"""The ISO image that starts one machine: UEFI and BIOS, from CD and from USB.

A medium holds the kernel, the ramdisk, the boot loaders with their configuration, and the files made
for this machine. What is shared is pointed to, so that a medium costs a few kilobytes.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bmctl.media.extents import Extent, ExtentFile, FileRange, Inline
from bmctl.media.kernel_line import for_grub, for_isolinux
from bmctl.media.loaders import LoaderFiles
from bmctl.media.mastering import Patch, master
from bmctl.media.tree import Tree

if TYPE_CHECKING:
    from pycdlib import PyCdlib

LABEL = "config-2"
KERNEL = "/vmlinuz"
INITRAMFS = "/initrd"
EFI_IMAGE = "/boot/grub/efiboot.img"
GRUB_CONFIGURATION = "/boot/grub/grub.cfg"
ISOLINUX = "/isolinux/isolinux.bin"
LDLINUX = "/isolinux/ldlinux.c32"
ISOLINUX_CONFIGURATION = "/isolinux/isolinux.cfg"
CATALOG = "boot.cat"
# Debian's GRUB for CDs and the configuration in the EFI image search the medium by these.
MARKS = {"/.disk/info": b"bmctl\n", "/.disk/bmctl": b"bmctl\n"}

PLATFORM_X86 = 0
PLATFORM_EFI = 0xEF
MBR_EFI_SYSTEM = 0xEF
SECTOR = 512
# isolinux asks the BIOS for its first 2048 bytes and reads the rest itself.
ISOLINUX_SECTORS = 4

_GRUB = """\
set default=0
set timeout=0
menuentry 'bmctl' {{
  echo 'Loading the kernel ...'
  linux {kernel} {line}
  echo 'Loading the ramdisk ...'
  initrd {initramfs}
}}
"""

_ISOLINUX = """\
default bmctl
prompt 0
timeout 0
label bmctl
  kernel {kernel}
  append initrd={initramfs} {line}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootMedium:
    """What a machine's boot medium is made of.

    `files` are paths on the medium and their content. `publisher` is the UUID that the kernel line
    names as `ir_pub_id`. Equal values give equal bytes; `timestamp` is every date on the medium.
    """

    kernel: Path
    initramfs: Path
    loader: LoaderFiles
    kernel_line: str
    publisher: str
    timestamp: int
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    label: str = LABEL


def boot_iso(medium: BootMedium) -> ExtentFile:
    """The medium as an image, with labels `loader`, `kernel`, `initramfs` and `configuration`.

    Sizes of kernel and ramdisk are read now. Raises InvalidError for a kernel line or path that
    cannot be written, OSError where a file cannot be read.
    """
    contents = _contents(medium)
    iso = new_iso(label=medium.label, publisher=medium.publisher)
    try:
        tree = Tree(iso)
        for path, content in contents.items():
            tree.add(path, content)
        _make_bootable(iso, tree, bios=ISOLINUX in contents)
        offsets = tree.offsets(contents)
        patches = _patches(medium.loader, contents, offsets)
        return master(iso, timestamp=medium.timestamp, patches=patches, label="configuration")
    finally:
        iso.close()


def new_iso(*, label: str, publisher: str = "", joliet: bool = False) -> PyCdlib:
    """An empty image with Rock Ridge names."""
    import pycdlib

    iso = pycdlib.PyCdlib()
    iso.new(
        interchange_level=3,
        rock_ridge="1.09",
        joliet=3 if joliet else None,
        vol_ident=label,
        pub_ident_str=publisher,
        app_ident_str="BMCTL",
    )
    return iso


def _contents(medium: BootMedium) -> dict[str, Extent]:
    """Every file of the medium, in the order it is laid out in its directory."""
    loader = medium.loader
    contents: dict[str, Extent] = {
        KERNEL: _whole(medium.kernel, "kernel"),
        INITRAMFS: _whole(medium.initramfs, "initramfs"),
        EFI_IMAGE: Inline(data=loader.efi_image(), label="loader", shared=True),
        GRUB_CONFIGURATION: _text(_GRUB, for_grub(medium.kernel_line)),
    }
    if loader.isolinux is not None and loader.ldlinux is not None:
        contents[ISOLINUX] = _whole(loader.isolinux, "loader")
        contents[LDLINUX] = _whole(loader.ldlinux, "loader")
        contents[ISOLINUX_CONFIGURATION] = _text(_ISOLINUX, for_isolinux(medium.kernel_line))
    for path, data in sorted({**MARKS, **medium.files}.items()):
        contents[f"/{path.lstrip('/')}"] = Inline(data=data, label="configuration")
    return contents


def _text(template: str, line: str) -> Inline:
    text = template.format(kernel=KERNEL, initramfs=INITRAMFS, line=line)
    return Inline(data=text.encode("ascii"), label="configuration")


def _whole(path: Path, label: str) -> FileRange:
    return FileRange(path=path, offset=0, length=path.stat().st_size, label=label)


def _make_bootable(iso: PyCdlib, tree: Tree, *, bios: bool) -> None:
    """El Torito entries; a BIOS takes the first one, UEFI looks for its platform (UEFI, 13.3.2.1)."""
    if bios:
        iso.add_eltorito(
            tree.plain_name(ISOLINUX),
            bootcatfile="/BOOT.CAT;1",
            rr_bootcatname=CATALOG,
            boot_load_size=ISOLINUX_SECTORS,
            platform_id=PLATFORM_X86,
        )
    iso.add_eltorito(
        tree.plain_name(EFI_IMAGE),
        bootcatfile="/BOOT.CAT;1",
        rr_bootcatname=CATALOG,
        platform_id=PLATFORM_EFI,
        efi=True,
    )


def _patches(loader: LoaderFiles, contents: Mapping[str, Extent], offsets: Mapping[str, int]) -> list[Patch]:
    patches = [Patch(0, _boot_record(loader, contents, offsets))]
    if loader.isolinux is not None and ISOLINUX in contents:
        table = _boot_information(loader.isolinux, contents[ISOLINUX].length, offsets[ISOLINUX])
        patches.append(Patch(offsets[ISOLINUX] + 8, table))
    return patches


def _boot_record(loader: LoaderFiles, contents: Mapping[str, Extent], offsets: Mapping[str, int]) -> bytes:
    """A master boot record for the medium on a USB stick.

    Its one partition is the EFI image, for firmware that looks for a partition table before all else. A BIOS
    runs isolinux' code, which reads isolinux from the sector named at 432 (syslinux, isohybrid).
    """
    code = bytes(432)
    start = 0
    if loader.hybrid_mbr is not None and ISOLINUX in contents:
        code = loader.hybrid_mbr.read_bytes()[:432].ljust(432, b"\0")
        start = offsets[ISOLINUX] // SECTOR
    partition = struct.pack(
        "<B3sB3sLL",
        0x80 if start else 0,
        b"\xfe\xff\xff",
        MBR_EFI_SYSTEM,
        b"\xfe\xff\xff",
        offsets[EFI_IMAGE] // SECTOR,
        -(-contents[EFI_IMAGE].length // SECTOR),
    )
    identity = struct.pack("<QLH", start, 0, 0)
    return code + identity + partition + bytes(48) + b"\x55\xaa"


def _boot_information(isolinux: Path, length: int, offset: int) -> bytes:
    """The table that isolinux finds itself by (isolinux, "boot-info-table"): 56 bytes at offset 8."""
    return struct.pack("<LLLL40x", 16, offset // 2048, length, _checksum(isolinux, length))


@functools.lru_cache(maxsize=8)
def _checksum(isolinux: Path, length: int) -> int:
    """Sum of the 32-bit words after the table."""
    data = isolinux.read_bytes()[64:length]
    padded = data.ljust(-(-len(data) // 4) * 4, b"\0")
    words: tuple[int, ...] = struct.unpack(f"<{len(padded) // 4}L", padded)
    return sum(words) & 0xFFFFFFFF
