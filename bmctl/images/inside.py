"""Can a machine boot this image: firmware, architecture, partition table; asked before power is touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bmctl.errors import InvalidError
from bmctl.images.fat import Fat
from bmctl.images.partitions import PartitionTable, TableKind
from bmctl.model.firmware import Architecture, BootMode
from bmctl.model.node import Node

if TYPE_CHECKING:
    from bmctl.images.prepare import PreparedImage

# Default boot file names of removable media (UEFI Specification 2.10, 3.5.1.1).
LOADER_OF = {Architecture.X86_64: "BOOTX64.EFI", Architecture.AARCH64: "BOOTAA64.EFI"}


def read_loaders(path: Path, partitions: PartitionTable | None) -> tuple[str, ...]:
    """File names in `EFI/BOOT` of the image's EFI system partition; none where it cannot be read."""
    if partitions is None or partitions.esp is None:
        return ()
    with path.open("rb") as file:
        try:
            names = Fat(file.fileno(), partitions.esp.offset).names("EFI/BOOT")
        except InvalidError:
            return ()
    return tuple(name for name in names if name.endswith(".EFI"))


def check_bootable(image: PreparedImage, node: Node) -> None:
    """Raise `InvalidError` where this node's firmware could not boot the image."""
    if image.partitions is None:
        raise InvalidError(
            f"image {image.name} has no partition table, so no firmware can boot it",
            hint="bmctl writes whole-disk images; a file system alone is not one",
        )
    if node.boot_mode is BootMode.UEFI:
        _check_uefi(image, node)
    elif not image.partitions.boot_code:
        raise InvalidError(
            f"image {image.name} has no boot code for BIOS, and {node.name} boots in BIOS mode",
            hint="use boot_mode: uefi, or an image made for BIOS",
        )


def _check_uefi(image: PreparedImage, node: Node) -> None:
    if not image.esp:
        table = "MBR" if image.partitions and image.partitions.kind is TableKind.MBR else "GPT"
        raise InvalidError(
            f"image {image.name} has no EFI system partition (its table is {table}),"
            f" and {node.name} boots in UEFI mode",
            hint="choose an image made for UEFI, or set boot_mode: bios for the node",
        )
    made_for = [str(architecture) for architecture, loader in LOADER_OF.items() if loader in image.loaders]
    if made_for and str(node.architecture) not in made_for:
        raise InvalidError(
            f"image {image.name} is for {', '.join(made_for)}, and {node.name} is {node.architecture}",
            hint="choose the image for the node's architecture, or correct architecture in the inventory",
        )
