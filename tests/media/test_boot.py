"""Real firmware starts a boot medium: UEFI, Secure Boot and BIOS, from CD and from USB."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from bmctl.errors import InvalidError
from bmctl.media.extents import write_file
from bmctl.media.iso import BootMedium, boot_iso
from bmctl.media.kernel_line import kernel_line
from bmctl.media.loaders import find_loaders
from bmctl.model.firmware import Architecture, BootMode

pytestmark = pytest.mark.e2e

OVMF = Path("/usr/share/OVMF")
KERNEL_PACKAGE = "linux-image-cloud-amd64"
# Emulated processors need seconds where real ones need none.
LONGEST_BOOT = 240
# Seen again as the size of the ramdisk that the kernel frees.
RAMDISK_KIB = 3001


@dataclass(frozen=True)
class Firmware:
    """How QEMU is told to be a machine of this kind."""

    mode: BootMode
    secure: bool = False

    def options(self, directory: Path) -> list[str]:
        if self.mode is BootMode.BIOS:
            return []
        code, variables = ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
        extra: list[str] = []
        if self.secure:
            code, variables = ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd")
            extra = ["-global", "driver=cfi.pflash01,property=secure,value=on", "-machine", "smm=on"]
        for name in (code, variables):
            if not (OVMF / name).exists():
                pytest.skip(f"{OVMF / name} is not installed (package ovmf)")
        own = shutil.copy(OVMF / variables, directory / "variables.fd")
        return [
            *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF / code}"),
            *("-drive", f"if=pflash,format=raw,unit=1,file={own}"),
            *extra,
        ]


DRIVES = {
    "cd": [
        *("-drive", "if=none,id=medium,format=raw,readonly=on,media=cdrom,file={}"),
        *("-device", "ide-cd,drive=medium,bootindex=0"),
    ],
    "usb": [
        *("-device", "qemu-xhci", "-drive", "if=none,id=medium,format=raw,snapshot=on,file={}"),
        *("-device", "usb-storage,drive=medium,bootindex=0"),
    ],
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel that the distribution signed."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        pytest.skip("no apt-get to get a kernel with")
    directory = tmp_path_factory.mktemp("kernel")
    depends = subprocess.run(
        ["apt-cache", "depends", "--important", KERNEL_PACKAGE], capture_output=True, text=True, check=False
    ).stdout
    match = re.search(r"Depends: (linux-image-\S+)", depends)
    if match is None:
        pytest.skip(f"apt knows no package {KERNEL_PACKAGE}")
    subprocess.run(["apt-get", "download", match[1]], cwd=directory, check=True, capture_output=True)
    (package,) = directory.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, directory], check=True, capture_output=True)
    return next(directory.glob("boot/vmlinuz-*"))


@pytest.fixture(scope="module")
def medium(kernel, tmp_path_factory):
    """A medium whose ramdisk holds no program: the kernel stops after unpacking it, and restarts."""
    try:
        loaders = find_loaders(Architecture.X86_64)
    except InvalidError as error:
        pytest.skip(str(error))
    directory = tmp_path_factory.mktemp("medium")
    initramfs = directory / "initramfs"
    initramfs.write_bytes(cpio("filling", RAMDISK_KIB * 1024 - 512))
    publisher = "11111111-2222-3333-4444-555555555555"
    return BootMedium(
        kernel=kernel,
        initramfs=initramfs,
        loader=loaders,
        kernel_line=kernel_line(
            publisher=publisher, parameters=('words="one two"', "price=$x;y", "panic=-1")
        ),
        publisher=publisher,
        timestamp=1_700_000_000,
    )


def cpio(name, size):
    """An archive of one file, in the kernel's "newc" form."""
    entries = b""
    for path, length in ((name, size), ("TRAILER!!!", 0)):
        fields = [0, 0o100644, 0, 0, 1, 0, length, 0, 0, 0, 0, len(path) + 1, 0]
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + path.encode() + b"\0"
        entries += head + b"\0" * (-len(head) % 4) + b"\0" * (length + -length % 4)
    return entries


def boot(medium_file, firmware, drive, directory):
    """What a machine wrote to its serial port until it restarted."""
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("qemu-system-x86_64 is not installed")
    command = [
        *("qemu-system-x86_64", "-machine", "q35,accel=tcg", "-m", "1024", "-nodefaults", "-vga", "std"),
        *("-display", "none", "-no-reboot", "-serial", "stdio"),
        *firmware.options(directory),
        *(option.format(medium_file) for option in DRIVES[drive]),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_BOOT, check=True
    )
    return done.stdout.decode(errors="replace")


@pytest.mark.parametrize("drive", list(DRIVES))
@pytest.mark.parametrize(
    "firmware",
    [Firmware(BootMode.UEFI), Firmware(BootMode.UEFI, secure=True), Firmware(BootMode.BIOS)],
    ids=["uefi", "secure-boot", "bios"],
)
def test_machine_starts_the_kernel_with_its_line_and_ramdisk(medium, firmware, drive, tmp_path):
    if firmware.mode not in medium.loader.boot_modes or (firmware.secure and not medium.loader.secure_boot):
        pytest.skip("the loaders for this are not installed")
    image = tmp_path / "medium.iso"
    write_file(boot_iso(medium), image)
    serial = boot(image, firmware, drive, tmp_path)
    if firmware.mode is BootMode.UEFI:
        assert "Welcome to GRUB!" in serial
        assert f"secureboot: Secure boot {'enabled' if firmware.secure else 'disabled'}" in serial
    (line,) = re.findall(r"Command line: (.*)", serial)
    for word in ("boot_method=vmedia", f"ir_pub_id={medium.publisher}", "price=$x;y", "panic=-1"):
        assert word in line.split()
    assert '"words=one two"' in line
    freed = int(re.findall(r"Freeing initrd memory: (\d+)K", serial)[0])
    assert RAMDISK_KIB - 4 <= freed <= RAMDISK_KIB + 4
