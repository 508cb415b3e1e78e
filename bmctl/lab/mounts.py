"""The capsule's own view of the few directories that libvirt insists on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bmctl.lab.network import Command
from bmctl.lab.record import Acceleration

LIBVIRT_DIRECTORIES = ("/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt")
LIBVIRT_RUN_FILES = frozenset({"libvirt", "libvirtd.pid"})
KVM_DEVICE = Path("/dev/kvm")


def mount_private_directories(root: Path, acceleration: Acceleration, run: Callable[[Command], None]) -> None:
    """Put the lab's own /run and libvirt directories over the host's, within this mount namespace.

    A /dev/kvm that was found broken is covered too: libvirt would try it for what it can do.
    """
    for target in LIBVIRT_DIRECTORIES:
        own = root / target.strip("/").replace("/", "-")
        own.mkdir()
        if Path(target).is_dir():
            run(("mount", "--bind", str(own), target))
    _cover_run(root / "run", run)
    if acceleration is Acceleration.TCG and KVM_DEVICE.exists():
        _cover_device(KVM_DEVICE, root / "no-kvm", run)


def _cover_device(device: Path, own: Path, run: Callable[[Command], None]) -> None:
    """Make a device look unusable, even to root: a file that no one may write, as its mount is read-only.

    As long as it looks usable and QEMU does not use it, libvirt asks QEMU for its abilities at each request.
    """
    own.touch()
    run(("mount", "--bind", str(own), str(device)))
    run(("mount", "-o", "remount,bind,ro", str(device)))


def _cover_run(own: Path, run: Callable[[Command], None]) -> None:
    own.mkdir()
    for entry in Path("/run").iterdir():
        _carry_over(entry, own / entry.name, run)
    (own / "libvirt").mkdir()
    run(("mount", "--rbind", str(own), "/run"))


def _carry_over(entry: Path, target: Path, run: Callable[[Command], None]) -> None:
    """Show an entry of the host's /run at `target`, but for what libvirt keeps there."""
    if entry.name in LIBVIRT_RUN_FILES:
        return
    if entry.is_symlink():
        target.symlink_to(entry.readlink())
        return
    if entry.is_dir():
        target.mkdir()
    else:
        target.touch()
    run(("mount", "--rbind", str(entry), str(target)))
