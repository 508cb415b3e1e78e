"""A small FAT file system with the boot loader in it: the EFI system partition of a boot medium.

The same files and timestamp give the same bytes. Names are 8.3, which is all that UEFI's removable
media path and the loaders need (Microsoft FAT specification, "FAT: General Overview of On-Disk Format",
1.03; UEFI specification, 13.3).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bmctl.errors import BmctlError

SECTOR = 512
ENTRY = 32
ROOT_ENTRIES = 512
RESERVED_SECTORS = 1
# A FAT with fewer data clusters is FAT12, one with as many or more is FAT16; the boundary is exact.
FAT16_CLUSTERS = 4085
# UEFI and Linux both count the first two entries of the table as taken.
FIRST_CLUSTER = 2
MOST_CLUSTERS = 65524
DIRECTORY = 0x10
ARCHIVE = 0x20
MEDIA_FIXED = 0xF8
# An El Torito entry counts sectors of 512 bytes in sixteen bits.
LARGEST_IMAGE = 65535 * SECTOR

_SHORT_NAME = re.compile(r"[A-Z0-9_~-]{1,8}(\.[A-Z0-9_~-]{1,3})?")


@dataclass(slots=True, kw_only=True)
class _Folder:
    """A directory while the image is laid out: names in 8.3, and what stands behind them."""

    folders: dict[str, _Folder] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Geometry:
    """How many sectors each part of the image has."""

    cluster_sectors: int
    clusters: int
    table_sectors: int

    @property
    def fat16(self) -> bool:
        return self.clusters >= FAT16_CLUSTERS

    @property
    def total_sectors(self) -> int:
        root = ROOT_ENTRIES * ENTRY // SECTOR
        return RESERVED_SECTORS + 2 * self.table_sectors + root + self.clusters * self.cluster_sectors

    @property
    def cluster_bytes(self) -> int:
        return self.cluster_sectors * SECTOR


def fat_image(files: Mapping[str, bytes], *, timestamp: int, label: str = "BMCTL") -> bytes:
    """A FAT12 or FAT16 image with these files (`EFI/BOOT/BOOTX64.EFI`), two seconds fine in time.

    Raises BmctlError where a name is not 8.3 or the files do not fit into 32 MiB.
    """
    root = _tree(files)
    geometry = _geometry(root)
    volume = _Volume(geometry=geometry, stamp=_fat_time(timestamp))
    entries = volume.entry(label.upper().ljust(11).encode("ascii"), 0x08, 0, 0)
    table = volume.add_folder(root, parent=0, head=entries)
    image = b"".join(
        (
            _boot_sector(geometry, label, serial=timestamp & 0xFFFFFFFF),
            volume.tables() * 2,
            table.ljust(ROOT_ENTRIES * ENTRY, b"\0"),
            bytes(volume.data).ljust(geometry.clusters * geometry.cluster_bytes, b"\0"),
        )
    )
    if len(image) > LARGEST_IMAGE:
        raise BmctlError(
            f"the boot loader files need {len(image)} bytes, and a boot image holds {LARGEST_IMAGE}"
        )
    return image


def _tree(files: Mapping[str, bytes]) -> _Folder:
    root = _Folder()
    for path, content in sorted(files.items()):
        *parents, name = path.upper().split("/")
        for part in (*parents, name):
            if not _SHORT_NAME.fullmatch(part):
                raise BmctlError(f"{path} cannot stand in a boot image: {part} is not an 8.3 name")
        folder = root
        for part in parents:
            folder = folder.folders.setdefault(part, _Folder())
        folder.files[name] = content
    return root


def _geometry(root: _Folder) -> _Geometry:
    cluster_sectors = 4
    while True:
        needed = max(_clusters_needed(root, cluster_sectors * SECTOR, top=True), 1)
        # Counting right at the boundary trips readers that use a different constant: keep clear of it.
        if FAT16_CLUSTERS - 16 <= needed < FAT16_CLUSTERS + 16:
            needed = FAT16_CLUSTERS + 16
        if needed <= MOST_CLUSTERS:
            break
        cluster_sectors *= 2
    entries = needed + FIRST_CLUSTER
    table_bytes = entries * 2 if needed >= FAT16_CLUSTERS else (entries * 3 + 1) // 2
    return _Geometry(
        cluster_sectors=cluster_sectors, clusters=needed, table_sectors=-(-table_bytes // SECTOR)
    )


def _clusters_needed(folder: _Folder, cluster_bytes: int, *, top: bool) -> int:
    own = 0 if top else -(-(2 + len(folder.folders) + len(folder.files)) * ENTRY // cluster_bytes)
    files = sum(-(-len(content) // cluster_bytes) for content in folder.files.values())
    inner = sum(_clusters_needed(each, cluster_bytes, top=False) for each in folder.folders.values())
    return own + files + inner


class _Volume:
    """Clusters handed out one after the other, so that every file lies in one run."""

    def __init__(self, *, geometry: _Geometry, stamp: tuple[int, int]) -> None:
        self.geometry = geometry
        self.stamp = stamp
        self.data = bytearray()
        self._links: list[int] = [0xFF00 | MEDIA_FIXED, 0xFFFF]

    def entry(self, name: bytes, attributes: int, cluster: int, size: int) -> bytes:
        date, time = self.stamp
        # Name, attributes, NT byte, creation tenths, time and date, access date, high cluster,
        # write time and date, cluster, size.
        return struct.pack(
            "<11sBBBHHHHHHHL", name, attributes, 0, 0, time, date, date, 0, time, date, cluster, size
        )

    def add_folder(self, folder: _Folder, *, parent: int, head: bytes) -> bytes:
        """The folder's entries after `head`; everything below it is stored. `parent` is its own cluster."""
        entries = [head]
        for name, inner in folder.folders.items():
            entries.append(self._store_folder(name, inner, parent))
        for name, content in folder.files.items():
            cluster = self._store(content)
            entries.append(self.entry(_short(name), ARCHIVE, cluster, len(content)))
        return b"".join(entries)

    def _store_folder(self, name: str, folder: _Folder, parent: int) -> bytes:
        count = 2 + len(folder.folders) + len(folder.files)
        cluster = self._store(bytes(count * ENTRY))
        start = (cluster - FIRST_CLUSTER) * self.geometry.cluster_bytes
        head = self.entry(b".".ljust(11), DIRECTORY, cluster, 0) + self.entry(
            b"..".ljust(11), DIRECTORY, parent, 0
        )
        table = self.add_folder(folder, parent=cluster, head=head)
        self.data[start : start + len(table)] = table
        return self.entry(_short(name), DIRECTORY, cluster, 0)

    def _store(self, content: bytes) -> int:
        """The first cluster of the stored content; 0 where there is none."""
        size = self.geometry.cluster_bytes
        count = -(-len(content) // size)
        if not count:
            return 0
        first = len(self._links)
        self._links.extend([*range(first + 1, first + count), 0xFFFF])
        self.data += content.ljust(count * size, b"\0")
        return first

    def tables(self) -> bytes:
        """One file allocation table."""
        links = self._links + [0] * (self.geometry.clusters + FIRST_CLUSTER - len(self._links))
        table = struct.pack(f"<{len(links)}H", *links) if self.geometry.fat16 else _twelve_bits(links)
        return table.ljust(self.geometry.table_sectors * SECTOR, b"\0")


def _twelve_bits(links: list[int]) -> bytes:
    """Pairs of links in three bytes (FAT12)."""
    table = bytearray()
    for low, high in zip(links[::2], [*links[1::2], 0], strict=False):
        table += ((low & 0xFFF) | (high & 0xFFF) << 12).to_bytes(3, "little")
    return bytes(table)


def _short(name: str) -> bytes:
    stem, _, extension = name.partition(".")
    return f"{stem:<8}{extension:<3}".encode("ascii")


def _boot_sector(geometry: _Geometry, label: str, *, serial: int) -> bytes:
    total = geometry.total_sectors
    sector = struct.pack(
        "<3s8sHBHBHHBHHHLLBBBL11s8s",
        b"\xeb\x3c\x90",
        b"BMCTL   ",
        SECTOR,
        geometry.cluster_sectors,
        RESERVED_SECTORS,
        2,
        ROOT_ENTRIES,
        total if total < 0x10000 else 0,
        MEDIA_FIXED,
        geometry.table_sectors,
        32,
        64,
        0,
        0 if total < 0x10000 else total,
        0x80,
        0,
        0x29,
        serial,
        label.upper().ljust(11).encode("ascii"),
        b"FAT16   " if geometry.fat16 else b"FAT12   ",
    )
    return sector.ljust(SECTOR - 2, b"\0") + b"\x55\xaa"


def _fat_time(timestamp: int) -> tuple[int, int]:
    """Date and time words in UTC; FAT knows nothing before 1980."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    if moment.year < 1980:
        return 0x21, 0
    date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return date, time
