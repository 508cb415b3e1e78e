"""Making the test image from the host's package sources."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from bmctl.errors import BmctlError
from bmctl.lab.image import files
from bmctl.lab.image.disk import assemble
from bmctl.lab.image.modules import chosen_names, closure, module_files, read_module
from bmctl.lab.requirements import SEARCH_PATH, require_image
from bmctl.ramdisk import cpio
from bmctl.ramdisk.children import Children
from bmctl.ramdisk.sources import Distribution, Sources, read_distribution, read_sources

RECIPE_VERSION = 1
TIMESTAMP = 1_700_000_000
ESP_MIB = 48
# Free space for logs, caches and what a test writes.
ROOT_SPARE_MIB = 96


class DiskFormat(StrEnum):
    """The forms in which the image can be had."""

    RAW = "raw"
    QCOW2 = "qcow2"
    ZSTD = "raw.zst"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabImage:
    """A test image: `sha256` is that of the file at `path`; `size` is in bytes, as is `disk_size`."""

    path: str
    sha256: str
    size: int
    disk_size: int
    kernel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEvent:
    """A stage of the build; `total` 0 means that nobody knows how much there is."""

    stage: str
    done: int = 0
    total: int = 0


Tell = Callable[[ImageEvent], None]


def build_image(
    cache: Path,
    tell: Tell,
    *,
    disk_format: DiskFormat = DiskFormat.RAW,
    refresh: bool = False,
    etc: Path = Path("/etc"),
) -> LabImage:
    """The test image in the cache, made if the recipe or the package sources have changed.

    Raises BmctlError naming the programs that are missing, or the step that failed and its log.
    """
    distribution = read_distribution(etc / "os-release")
    sources = read_sources(etc / "apt", distribution)
    name = f"lab-{distribution.codename}-{_digest(distribution, sources)[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    raw = _known(cache / f"{name}.raw")
    if raw is None or refresh:
        require_image()
        raw = _build(cache, name, distribution, sources, tell)
    if disk_format is DiskFormat.RAW:
        return raw
    target = cache / f"{name}.{disk_format}"
    if refresh or (known := _known(target)) is None:
        return _convert(raw, target, disk_format, cache, tell)
    return known


def _digest(distribution: Distribution, sources: Sources) -> str:
    recipe = (
        RECIPE_VERSION,
        files.PACKAGES,
        files.BOOT_PACKAGES,
        files.KERNELS,
        files.LEFT_OUT,
        files.MASKED,
        files.ENABLED,
        files.MODULE_DIRECTORIES,
        files.EARLY_MODULES,
        files.overlay_files(distribution.name),
        files.init_script(()),
        files.grub_configuration(),
        ESP_MIB,
        ROOT_SPARE_MIB,
        asdict(sources),
    )
    return hashlib.sha256(repr(recipe).encode()).hexdigest()


def _known(path: Path) -> LabImage | None:
    """An image made earlier, if it is still all there."""
    try:
        # A cache may have been moved since.
        image = replace(LabImage(**json.loads(_record(path).read_text())), path=str(path))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return image if path.exists() and path.stat().st_size == image.size else None


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _build(cache: Path, name: str, distribution: Distribution, sources: Sources, tell: Tell) -> LabImage:
    with TemporaryDirectory(dir=cache, prefix="build-") as work:
        environment = {"PATH": SEARCH_PATH, "SOURCE_DATE_EPOCH": str(TIMESTAMP), "HOME": work}
        children = Children(log=cache / f"{name}.log", environment=environment)
        children.log.unlink(missing_ok=True)
        builder = Builder(Path(work), children, distribution, sources, tell)
        try:
            kernel = builder.build()
        finally:
            builder.clear()
        return _publish(Path(work) / "disk.raw", cache / f"{name}.raw", kernel)


def _publish(made: Path, target: Path, kernel: str, disk_size: int | None = None) -> LabImage:
    """Put a finished file in its place, its digest and record beside it."""
    size = made.stat().st_size
    with made.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    image = LabImage(path=str(target), sha256=digest, size=size, disk_size=disk_size or size, kernel=kernel)
    _record(target).unlink(missing_ok=True)
    made.replace(target)
    target.with_name(f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n")
    _record(target).write_text(json.dumps(asdict(image), indent=2) + "\n")
    return image


def _convert(raw: LabImage, target: Path, disk_format: DiskFormat, cache: Path, tell: Tell) -> LabImage:
    tell(ImageEvent(stage=f"converting to {disk_format}"))
    temporary = target.with_name(f"{target.name}.new")
    try:
        if disk_format is DiskFormat.ZSTD:
            _compress(Path(raw.path), temporary)
        else:
            children = Children(log=cache / f"{target.name}.log", environment={"PATH": SEARCH_PATH})
            command = ("qemu-img", "convert", "-c", "-O", "qcow2", raw.path, temporary)
            children.run(command, what="converting the test image")
        return _publish(temporary, target, raw.kernel, raw.disk_size)
    finally:
        temporary.unlink(missing_ok=True)


def _compress(source: Path, target: Path) -> None:
    import zstandard

    with source.open("rb") as stream, target.open("wb") as out:
        zstandard.ZstdCompressor(level=9).copy_stream(stream, out, size=source.stat().st_size)


@dataclass(frozen=True, slots=True)
class Builder:
    """One build in a directory that is removed afterwards."""

    work: Path
    children: Children
    distribution: Distribution
    sources: Sources
    tell: Tell

    def build(self) -> str:
        """Leave `disk.raw` in the directory and return the kernel's version."""
        self.tell(ImageEvent(stage="fetching kernel and loaders"))
        self.sources.write(self.work / "sources")
        boot = self.work / "boot"
        kernel_package = files.KERNELS[self.distribution.name]
        self._bootstrap("extract", (kernel_package, *files.BOOT_PACKAGES), boot)
        kernel = next(_merged(boot, "lib/modules").iterdir()).name
        early = self._write_overlay(boot, kernel)
        self.tell(ImageEvent(stage="installing packages"))
        self._bootstrap("essential", files.PACKAGES, self.work / "root", *self._hooks(kernel))
        self.tell(ImageEvent(stage="writing file systems"))
        self._write_root()
        self._write_esp(boot, kernel, early)
        assemble(
            self.work / "disk.raw",
            esp=self.work / "esp.img",
            root=self.work / "root.img",
            tell=lambda done, total: self.tell(ImageEvent(stage="writing disk", done=done, total=total)),
        )
        return kernel

    def clear(self) -> None:
        """Remove the trees, of which a normal user does not own every file."""
        for name in ("boot", "root"):
            if (self.work / name).exists():
                self._as_owner(("rm", "-rf", "--one-file-system", self.work / name), what="cleaning up")

    def _bootstrap(self, variant: str, packages: tuple[str, ...], target: Path, *more: str) -> None:
        sources = [str(path) for path in sorted((self.work / "sources").iterdir()) if path.stat().st_size]
        command = (
            "mmdebstrap",
            f"--variant={variant}",
            f"--mode={'root' if os.geteuid() == 0 else 'unshare'}",
            "--format=directory",
            f"--include={','.join(packages)}",
            *more,
            self.distribution.codename,
            str(target),
            *sources,
        )
        self.children.run(command, what="installing the test image's packages")

    def _hooks(self, kernel: str) -> tuple[str, ...]:
        options = [f"--dpkgopt=path-exclude={pattern}" for pattern in files.LEFT_OUT]
        links = " ".join(f'"$1/etc/systemd/system/{unit}"' for unit in files.MASKED)
        hooks = [
            f"sync-in {self.work / 'overlay'} /",
            f'for unit in {links}; do ln -sf /dev/null "$unit"; done',
            f'systemctl --root="$1" enable {" ".join(files.ENABLED)}',
            f'chroot "$1" depmod {kernel}',
            'rm -rf "$1"/etc/ssh/ssh_host_* "$1"/var/lib/apt/lists/* "$1"/var/log/* "$1"/etc/resolv.conf',
        ]
        return (*options, *(f"--customize-hook={hook}" for hook in hooks))

    def _write_overlay(self, boot: Path, kernel: str) -> tuple[str, ...]:
        """Write what is added to the packages' files; return the modules the early init loads."""
        overlay = self.work / "overlay"
        for name, text in files.overlay_files(self.distribution.name).items():
            (overlay / name).parent.mkdir(parents=True, exist_ok=True)
            (overlay / name).write_text(text)
        home = _merged(boot, "lib/modules") / kernel
        known = module_files(home)
        for name in closure(known, chosen_names(home, files.MODULE_DIRECTORIES)):
            relative = known[name].relative_to(home)
            target = overlay / "usr/lib/modules" / kernel / relative.parent / f"{name}.ko"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(read_module(known[name]))
        for path in home.glob("modules.builtin*"):
            shutil.copy(path, overlay / "usr/lib/modules" / kernel / path.name)
        return closure(known, files.EARLY_MODULES)

    def _write_root(self) -> None:
        root, image = self.work / "root", self.work / "root.img"
        listing = self._as_owner(("du", "--summarize", "--block-size=1M", root), what="measuring the image")
        size = int(int(listing.split()[0]) * 1.08) + ROOT_SPARE_MIB
        options = ("-E", f"hash_seed={files.ROOT_UUID},lazy_itable_init=0", "-J", "size=8", "-m", "1")
        command = (
            "mke2fs",
            "-q",
            "-t",
            "ext4",
            "-U",
            files.ROOT_UUID,
            *options,
            "-d",
            root,
            image,
            f"{size}M",
        )
        image.touch()
        self._as_owner(command, what="writing the root file system")

    def _write_esp(self, boot: Path, kernel: str, early: tuple[str, ...]) -> None:
        image = self.work / "esp.img"
        with image.open("wb") as stream:
            stream.truncate(ESP_MIB << 20)
        options = ("--invariant", "-F", "32", "-s", "1", "-i", files.ESP_SERIAL, "-n", "ESP")
        self.children.run(("mkfs.vfat", *options, image), what="writing the EFI system partition")
        tree = self._esp_tree(boot, kernel, early)
        for path in sorted([tree, *tree.rglob("*")]):
            os.utime(path, (TIMESTAMP, TIMESTAMP))
        command: list[str | Path] = ["mcopy", "-s", "-m", "-i", image, *sorted(tree.iterdir()), "::/"]
        self.children.run(command, what="writing the EFI system partition")

    def _esp_tree(self, boot: Path, kernel: str, early: tuple[str, ...]) -> Path:
        tree = self.work / "esp"
        vendor = tree / "EFI" / self.distribution.name
        for directory in (tree / "EFI/BOOT", vendor, tree / "lab"):
            directory.mkdir(parents=True)
        shutil.copyfile(_first(boot, "usr/lib/shim/shimx64.efi.signed*"), tree / "EFI/BOOT/BOOTX64.EFI")
        loader = _first(boot, "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")
        shutil.copyfile(loader, tree / "EFI/BOOT/grubx64.efi")
        # A signed GRUB looks for its menu in its vendor's directory, one without a vendor beside itself.
        for directory in (tree / "EFI/BOOT", vendor):
            (directory / "grub.cfg").write_text(files.grub_configuration())
        shutil.copyfile(_first(boot, f"boot/vmlinuz-{kernel}"), tree / "lab/vmlinuz")
        (tree / "lab/initrd").write_bytes(self._initramfs(boot, kernel, early))
        return tree

    def _initramfs(self, boot: Path, kernel: str, early: tuple[str, ...]) -> bytes:
        tree = self.work / "early"
        for name in ("bin", "dev", "proc", "sys", "root", "modules", "sbin"):
            (tree / name).mkdir(parents=True)
        shutil.copy(_merged(boot, "bin/busybox"), tree / "bin/busybox")
        for applet in ("sh", "mount", "umount", "insmod", "findfs", "sleep", "switch_root"):
            (tree / "bin" / applet).symlink_to("busybox")
        known = module_files(_merged(boot, "lib/modules") / kernel)
        for name in early:
            (tree / "modules" / f"{name}.ko").write_bytes(read_module(known[name]))
        init = tree / "init"
        init.write_text(files.init_script(early))
        init.chmod(0o755)
        archive = io.BytesIO()
        cpio.write(tree, archive, timestamp=TIMESTAMP)
        return archive.getvalue()

    def _as_owner(self, command: Sequence[str | Path], *, what: str) -> bytes:
        """Run a command as the owner of the trees, who is nobody real where a normal user builds."""
        if os.geteuid() == 0:
            return self.children.run(command, what=what)
        return self.children.run(["mmdebstrap", "--unshare-helper", *command], what=what)


def _merged(tree: Path, name: str) -> Path:
    """A path of unpacked packages, which ship it below `usr` or, on older releases, beside it."""
    merged = tree / "usr" / name
    return merged if merged.exists() else tree / name


def _first(tree: Path, pattern: str) -> Path:
    found = sorted(tree.glob(pattern))
    if not found:
        raise BmctlError(
            f"making the test image failed: the distribution's packages hold no {pattern}",
            hint="look at the build's log, then try again with a refreshed package list",
        )
    return found[0]
