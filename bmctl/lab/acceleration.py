"""Whether this host can run machines on its processor, found out by running some."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bmctl.lab.record import Acceleration
from bmctl.lab.requirements import FIRMWARE

ROM_SIZE = 64 * 1024
RESET_VECTOR = ROM_SIZE - 16
# mov dx, 0x501; mov al, 0x10; out dx, al; hlt; jmp $-1
PROGRAM = bytes.fromhex("ba0105 b010 ee f4 ebfd")
EXIT_DEVICE = "isa-debug-exit,iobase=0x501,iosize=0x02"
# The exit device ends QEMU with (value << 1) | 1.
EXIT_STATUS = (0x10 << 1) | 1
PROOF_SECONDS = 10.0
POLL_SECONDS = 0.05
KVM_DEVICE = Path("/dev/kvm")
MACHINE = ("-machine", "q35,accel=kvm", "-cpu", "host", "-nodefaults", "-display", "none", "-no-reboot")


def proof_rom() -> bytes:
    """A firmware whose first instructions at the reset vector end the machine with a known status."""
    return bytes(RESET_VECTOR) + PROGRAM.ljust(16, b"\xf4")


def prove_acceleration(scratch: Path) -> Acceleration:
    """KVM if guests really ran under it within seconds, else TCG.

    A present and writable /dev/kvm proves nothing where this host is a virtual machine itself: some
    run a few instructions and then fail at the first unusual one. So after a guest of five
    instructions, the real firmware has to come as far as writing to its serial port.
    """
    if not KVM_DEVICE.exists():
        return Acceleration.TCG
    rom = scratch / "kvm-proof.rom"
    rom.write_bytes(proof_rom())
    try:
        proven = _runs_instructions(rom) and _runs_firmware(scratch / "kvm-proof.log")
        return Acceleration.KVM if proven else Acceleration.TCG
    finally:
        rom.unlink()


def _runs_instructions(rom: Path) -> bool:
    command = ("qemu-system-x86_64", *MACHINE, "-m", "16", "-device", EXIT_DEVICE, "-bios", str(rom))
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROOF_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return False
    return done.returncode == EXIT_STATUS


def _runs_firmware(serial: Path) -> bool:
    if not Path(FIRMWARE.name).exists():
        return True
    flash = f"if=pflash,format=raw,readonly=on,file={FIRMWARE.name}"
    command = ("qemu-system-x86_64", *MACHINE, "-m", "256", "-drive", flash, "-serial", f"file:{serial}")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as machine:
        try:
            return _speaks(machine, serial)
        finally:
            machine.kill()
            serial.unlink(missing_ok=True)


def _speaks(machine: subprocess.Popen[bytes], serial: Path) -> bool:
    deadline = time.monotonic() + PROOF_SECONDS
    while time.monotonic() < deadline and machine.poll() is None:
        if serial.exists() and serial.stat().st_size > 0:
            return True
        time.sleep(POLL_SECONDS)
    return False
