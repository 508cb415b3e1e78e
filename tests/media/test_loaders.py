"""Which loaders are taken from what a distribution installed."""

from __future__ import annotations

import pytest

from bmctl.errors import InvalidError
from bmctl.media.loaders import LoaderPart, find_loaders, report
from bmctl.model.firmware import Architecture, BootMode

SHIM = "usr/lib/shim/shimx64.efi.signed"
SIGNED_GRUB = "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed"
PLAIN_GRUB = "usr/lib/grub/x86_64-efi/monolithic/gcdx64.efi"


@pytest.fixture
def root(tmp_path):
    def install(*paths):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(path.encode())
        return tmp_path

    return install


def test_signed_loaders_are_preferred(root):
    place = root(SHIM, SIGNED_GRUB, PLAIN_GRUB, "usr/lib/shim/mmx64.efi.signed")
    loaders = find_loaders(Architecture.X86_64, roots=[place])
    assert (loaders.first, loaders.grub) == (place / SHIM, place / SIGNED_GRUB)
    assert loaders.secure_boot
    assert loaders.boot_modes == (BootMode.UEFI,)


@pytest.mark.parametrize("name", ["shimx64.efi.signed.latest", "shimx64.efi.dualsigned"])
def test_shim_under_ubuntus_names(root, name):
    place = root(f"usr/lib/shim/{name}", SIGNED_GRUB)
    assert find_loaders(Architecture.X86_64, roots=[place]).first.name == name


@pytest.mark.parametrize("installed", [(PLAIN_GRUB,), (PLAIN_GRUB, SHIM), (PLAIN_GRUB, SIGNED_GRUB)])
def test_plain_grub_where_signed_ones_are_incomplete(root, installed):
    place = root(*installed)
    loaders = find_loaders(Architecture.X86_64, roots=[place])
    assert loaders.first == place / PLAIN_GRUB
    assert not loaders.secure_boot


def test_bios_needs_both_of_its_files(root):
    place = root(PLAIN_GRUB, "usr/lib/ISOLINUX/isolinux.bin")
    assert find_loaders(Architecture.X86_64, roots=[place]).boot_modes == (BootMode.UEFI,)
    root("usr/lib/syslinux/modules/bios/ldlinux.c32")
    assert find_loaders(Architecture.X86_64, roots=[place]).boot_modes == (BootMode.UEFI, BootMode.BIOS)


def test_other_architecture_in_another_root(root, tmp_path):
    place = root("usr/lib/shim/shimaa64.efi.signed", "usr/lib/grub/arm64-efi-signed/gcdaa64.efi.signed")
    loaders = find_loaders(Architecture.AARCH64, roots=[tmp_path / "nothing", place])
    assert loaders.first.name == "shimaa64.efi.signed"
    assert b"BOOTAA64EFI" in loaders.efi_image()


def test_missing_loaders_name_their_packages(root):
    with pytest.raises(InvalidError, match="no UEFI boot loader") as raised:
        find_loaders(Architecture.X86_64, roots=[root()])
    assert "apt-get install shim-signed grub-efi-amd64-signed" in raised.value.hint


def test_report_tells_found_and_missing(root):
    place = root(SHIM)
    lines = {line.part: line for line in report(roots=[place])}
    assert lines[LoaderPart.SHIM].path == place / SHIM
    assert lines[LoaderPart.ISOLINUX].path is None
    assert lines[LoaderPart.ISOLINUX].packages == {"Debian, Ubuntu": "isolinux", "Fedora": "syslinux"}


def test_efi_image_is_made_once_until_a_file_changes(root):
    place = root(SHIM, SIGNED_GRUB)
    first = find_loaders(Architecture.X86_64, roots=[place]).efi_image()
    assert find_loaders(Architecture.X86_64, roots=[place]).efi_image() is first
    (place / SHIM).write_bytes(b"another shim")
    assert find_loaders(Architecture.X86_64, roots=[place]).efi_image() != first
