"""Can a machine boot this image: firmware, architecture, partition table; asked before power is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bmctl.errors import InvalidError
from bmctl.images.partitions import TableKind
from bmctl.model.firmware import BootMode
from bmctl.model.node import Node

if TYPE_CHECKING:
    from bmctl.images.prepare import PreparedImage


def check_bootable(image: PreparedImage, node: Node) -> None:
    """Raise `InvalidError` where this node's firmware could not boot the image."""
    if image.partitions is None:
        kind = f"is {image.lone_part}: it " if image.lone_part else ""
        raise InvalidError(
            f"image {image.name} {kind}has no partition table, so no firmware can boot it",
            hint="bmctl writes whole-disk images; one partition or file system alone is not one",
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
    if not image.loaders:
        raise InvalidError(
            f"image {image.name} has no boot loader for UEFI:"
            " there is no program EFI/*/*.EFI in its EFI system partition",
            hint="choose an image that is installed with its boot loader",
        )
    machines = {loader.machine for loader in image.loaders if loader.machine}
    if not machines:
        raise InvalidError(
            f"image {image.name} has a damaged boot loader: {image.loaders[0].path} is no program"
        )
    if str(node.architecture) not in machines:
        raise InvalidError(
            f"image {image.name} is for {', '.join(sorted(machines))},"
            f" and {node.name} is {node.architecture}",
            hint="choose the image for the node's architecture, or correct architecture in the inventory",
        )
