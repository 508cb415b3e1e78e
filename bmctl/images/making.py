"""A raw file out of a packed or qcow2 image, in the cache's own directory."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bmctl.errors import InvalidError
from bmctl.images.cache import Entry, ImageCache
from bmctl.images.content import Content, look
from bmctl.images.convert import convert
from bmctl.images.files import hash_file, write_sparse
from bmctl.images.progress import ImageStage, Meter, Tell, in_thread
from bmctl.images.qcow2 import check_qcow2
from bmctl.images.room import Bounds, Room
from bmctl.images.unpack import unpacked
from bmctl.model.image import Checksum, Compression, ImageFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes raw files; `name` is the source's file name, for messages."""

    name: str
    cache: ImageCache
    executor: Executor
    tell: Tell
    bounds: Bounds

    def room(self, packed: int) -> Room:
        """Room in the cache for what `packed` bytes unpack to."""
        return Room(self.cache.directory, name=self.name, packed=packed, bounds=self.bounds)

    async def make(self, source: Path, content: Content, key: Checksum) -> Entry:
        """Unpack and convert as far as needed; raises `InvalidError` for what is no disk inside."""
        if content.compression is None:
            return await self._convert(source, content, key)
        target = self.cache.temporary(key, "unpacked")
        size, sha256 = await in_thread(
            self.executor,
            partial(self._unpack, source, content.compression, target),
            Meter(ImageStage.UNPACK, source.stat().st_size),
            self.tell,
        )
        inner = look(target, name=self.name)
        if inner.compression is not None:
            raise InvalidError(f"{self.name} is compressed twice", hint="unpack it once by hand")
        whole = Content(compression=content.compression, format=inner.format)
        if inner.format is ImageFormat.RAW:
            return _entry(target, size, sha256, whole)
        return await self._convert(target, whole, key)

    def _unpack(self, source: Path, compression: Compression, target: Path, meter: Meter) -> tuple[int, str]:
        room = self.room(source.stat().st_size)
        return write_sparse(unpacked(source, compression, meter, name=self.name), target, room=room)

    async def _convert(self, source: Path, content: Content, key: Checksum) -> Entry:
        disk = check_qcow2(source, name=self.name)
        room = self.room(source.stat().st_size)
        room.want(disk.size, min(disk.filled, disk.size))
        target = self.cache.temporary(key, "converted")
        await convert(source, target, size=disk.size, name=self.name, room=room, tell=self.tell)
        if look(target, name=self.name).format is not ImageFormat.RAW:
            raise InvalidError(f"{self.name} holds another qcow2 image", hint="unpack it once by hand")
        written = target.stat().st_size
        digests = await in_thread(
            self.executor,
            partial(hash_file, target, {"sha256"}),
            Meter(ImageStage.VERIFY, written),
            self.tell,
        )
        return _entry(target, written, digests["sha256"], content)


def _entry(path: Path, size: int, sha256: str, content: Content) -> Entry:
    return Entry(path=path, size=size, sha256=sha256, format=content.format, compression=content.compression)
