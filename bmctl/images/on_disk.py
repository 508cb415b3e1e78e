"""What a disk must hold after an image was written to it, and where what is there is something else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bmctl.images.chunks import Chunk, Extent, cut
from bmctl.images.duplicates import CONFIG_DRIVE_LABEL
from bmctl.images.filesystems import read_filesystems
from bmctl.images.partitions import PartitionTable, read_partitions
from bmctl.images.tables import TableExtents, compare_tables, find_table
from bmctl.model.disks import Filesystem


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How an image is compared with a disk.

    `extents` must be equal byte for byte, `table` by what it says (`table_bytes` are the image's), and
    the rest is not compared: the backup of a partition table, a config drive that the image has room for.
    """

    extents: tuple[Extent, ...]
    table: TableExtents | None
    table_bytes: tuple[bytes, ...]
    partitions: PartitionTable | None
    filesystems: tuple[Filesystem, ...]

    @property
    def compared(self) -> int:
        """Bytes that are compared one by one."""
        return sum(extent.size for extent in self.extents)

    def place(self, offset: int) -> str:
        """What a byte of the image belongs to, for a person."""
        found = zip(self.partitions.partitions if self.partitions else (), self.filesystems, strict=False)
        for partition, filesystem in found:
            if partition.offset <= offset < partition.offset + partition.size:
                return f"in {filesystem.device}, {filesystem}"
        return "outside of all partitions"


def read_layout(path: Path, *, name: str, config_drive: bool) -> Layout:
    """How the raw image at `path` is compared, with a disk that also got a config drive or without.

    Raises `InvalidError` where its partition table is damaged.
    """
    partitions = read_partitions(path, name=name)
    filesystems = read_filesystems(path, partitions)
    table = find_table(path, partitions) if partitions else None
    without = [*table.meaning, *table.moved] if table else []
    borders = []
    for partition, filesystem in zip(partitions.partitions if partitions else (), filesystems, strict=True):
        extent = Extent(offset=partition.offset, size=partition.size)
        borders += [extent.offset, extent.end]
        # The agent reuses a partition of this label.
        if config_drive and filesystem.label.lower() == CONFIG_DRIVE_LABEL:
            without.append(extent)
    return Layout(
        extents=cut(path.stat().st_size, at=borders, without=without),
        table=table,
        table_bytes=_read(path, table.meaning if table else ()),
        partitions=partitions,
        filesystems=filesystems if partitions else (),
    )


def _read(path: Path, extents: Iterable[Extent]) -> tuple[bytes, ...]:
    with path.open("rb") as file:
        return tuple(os.pread(file.fileno(), extent.size, extent.offset) for extent in extents)


def find_differences(
    layout: Layout,
    chunks: Sequence[Chunk],
    seen: Sequence[str],
    table: Sequence[bytes],
    *,
    config_drive: bool,
) -> tuple[Extent, ...]:
    """The chunks that are not on the disk as in the image; `seen` are the digests of what is there.

    `table` are the bytes on the disk where the image has its table. Space of no partition that a config
    drive or the moved backup took over does not count. Raises `TableDiffersError`.
    """
    taken: tuple[Extent, ...] = ()
    if layout.table is not None:
        taken = compare_tables(layout.table, layout.table_bytes, table, may_add=config_drive)
    wrong = (chunk.extent for chunk, digest in zip(chunks, seen, strict=True) if chunk.digest != digest)
    return tuple(extent for extent in wrong if not any(extent.overlaps(other) for other in taken))
