"""The programs that UEFI firmware can start from an image's EFI system partition, and their architecture."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from bmctl.errors import InvalidError
from bmctl.images.fat import Fat
from bmctl.images.partitions import PartitionTable

# Machine types of the PE/COFF specification, "Machine Types", by the names of `model.firmware.Architecture`.
_MACHINES = {
    0x8664: "x86_64",
    0xAA64: "aarch64",
    0x014C: "x86 (32 bits)",
    0x01C2: "ARM (32 bits)",
    0x01C4: "ARM (32 bits)",
    0x5064: "RISC-V",
    0x6264: "LoongArch",
}
UNKNOWN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """A file such as `EFI/BOOT/BOOTX64.EFI`; `machine` is the architecture in its header, or empty."""

    path: str
    machine: str

    @property
    def name(self) -> str:
        """The file name alone."""
        return self.path.rpartition("/")[2]


def read_loaders(path: Path, partitions: PartitionTable | None) -> tuple[Loader, ...]:
    """The loaders in the directories below `EFI`; none where the partition or its file system is missing."""
    if partitions is None or partitions.esp is None:
        return ()
    with path.open("rb") as file:
        try:
            fat = Fat(file.fileno(), partitions.esp.offset)
        except InvalidError:
            return ()
        folders = [f"EFI/{folder}" for folder in fat.names("EFI") if folder.strip(".")]
        paths = [f"{folder}/{file_name}" for folder in folders for file_name in fat.names(folder)]
        return tuple(
            Loader(path=path, machine=_machine(fat.start_of(path))) for path in paths if path.endswith(".EFI")
        )


def _machine(start: bytes) -> str:
    """The architecture of a PE program, by the first bytes of it; empty where it is none."""
    if len(start) < 64 or not start.startswith(b"MZ"):
        return UNKNOWN
    (header,) = struct.unpack_from("<I", start, 60)
    if start[header : header + 4] != b"PE\0\0" or len(start) < header + 6:
        return UNKNOWN
    (machine,) = struct.unpack_from("<H", start, header + 4)
    return _MACHINES.get(machine, f"machine type {machine:#x}")
