"""From an image as the inventory names it to a raw file on this host, proven by its checksum."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bmctl.errors import BmctlError, InvalidError
from bmctl.images.cache import Entry, ImageCache
from bmctl.images.checksums import find_checksum, read_checksum
from bmctl.images.content import Content, look
from bmctl.images.convert import convert
from bmctl.images.fetch import fetch_file, fetch_text, file_name, is_url
from bmctl.images.files import hash_file, too_large, write_sparse
from bmctl.images.inside import read_loaders
from bmctl.images.partitions import PartitionTable, read_partitions
from bmctl.images.progress import ImageProgress, ImageStage, Meter, Tell, in_thread
from bmctl.images.qcow2 import check_qcow2
from bmctl.images.unpack import unpacked
from bmctl.model.image import Checksum, Compression, ImageFormat, ImageSource

LARGEST_IMAGE = 256 * 2**30
LARGEST_CHECKSUM_FILE = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedImage:
    """A raw image on this host, as an agent will stream it.

    `checksum` is the SHA-256 of `path`. `source_checksum` is that of the image as published, and
    `verified` says whether the operator gave it (else it was computed here and proves nothing).
    `loaders` are the files in the ESP's `EFI/BOOT`.
    """

    name: str
    path: Path
    size: int
    checksum: Checksum
    source_checksum: Checksum
    verified: bool
    format: ImageFormat
    compression: Compression | None
    partitions: PartitionTable | None
    loaders: tuple[str, ...] = ()

    @property
    def esp(self) -> bool:
        """Whether the image has an EFI system partition."""
        return self.partitions is not None and self.partitions.esp is not None


def _tell_nobody(_: ImageProgress) -> None:
    return


async def prepare(
    image: ImageSource, *, cache: Path, progress: Tell = _tell_nobody, limit: int = LARGEST_IMAGE
) -> PreparedImage:
    """Fetch, verify, unpack and convert an image; nothing is done twice for the same content.

    A raw local image is used where it lies. `limit` is the most bytes an image may unpack to. Raises
    `InvalidError` for an image or checksum that is wrong, `UnreachableError` for a server that is.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="image") as executor, _local_faults(image):
        work = _Preparation(image, ImageCache(cache), executor, progress, limit)
        return await work.run()


@contextmanager
def _local_faults(image: ImageSource) -> Iterator[None]:
    """Say what the operating system refused, with the image it was about."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise BmctlError(
                f"no space left while preparing image {image.name}",
                hint="make room in bmctl's cache directory",
            ) from error
        raise InvalidError(
            f"image {image.name}: {error.filename or 'file'}: {error.strerror or error}"
        ) from error


class _Preparation:
    def __init__(
        self, image: ImageSource, cache: ImageCache, executor: Executor, tell: Tell, limit: int
    ) -> None:
        self._image = image
        self._cache = cache
        self._executor = executor
        self._tell = tell
        self._limit = limit
        self._file_name = file_name(image.source)

    async def run(self) -> PreparedImage:
        wanted = await self._wanted()
        if is_url(self._image.source):
            if wanted is None:
                raise InvalidError(
                    f"image {self._image.name} has no checksum, and comes from a URL",
                    hint="give its checksum: hex, or the URL of the checksum file published beside it",
                )
            return self._describe(await self._from_url(wanted), wanted, verified=True)
        return await self._from_file(Path(self._image.source), wanted)

    async def _wanted(self) -> Checksum | None:
        """The checksum the operator gave, read from where it is written."""
        text, weak = self._image.checksum, self._image.allow_weak_checksum
        if text is None:
            return None
        if checksum := read_checksum(text, allow_weak=weak):
            return checksum
        if is_url(text):
            content = await fetch_text(text, verify_tls=self._image.verify_tls)
        else:
            content = _read_checksum_file(Path(text))
        return find_checksum(content, self._file_name, allow_weak=weak)

    async def _from_url(self, wanted: Checksum) -> Entry:
        if found := self._cache.find(wanted):
            return found
        async with self._cache.locked(wanted):
            if found := self._cache.find(wanted):
                return found
            fetched = self._cache.temporary(wanted, "fetched")
            digests = await fetch_file(
                self._image.source,
                fetched,
                algorithms={"sha256", wanted.algorithm},
                verify_tls=self._image.verify_tls,
                limit=self._limit,
                tell=self._tell,
            )
            content = look(fetched, name=self._file_name)
            self._compare(wanted, digests[wanted.algorithm])
            if content == Content(compression=None, format=ImageFormat.RAW):
                made = _entry(fetched, fetched.stat().st_size, digests["sha256"], content)
            else:
                made = await self._make(fetched, content, wanted)
            _look_inside(made.path, self._image.name)
            return self._cache.add(wanted, made)

    async def _from_file(self, path: Path, wanted: Checksum | None) -> PreparedImage:
        if not path.is_file():
            raise InvalidError(
                f"image {self._image.name}: there is no file {path}",
                hint="check image.source in the inventory",
            )
        content = look(path, name=self._file_name)
        digests = await self._digests(path, {"sha256", wanted.algorithm if wanted else "sha256"})
        if wanted is not None:
            self._compare(wanted, digests[wanted.algorithm])
        key = Checksum(algorithm="sha256", value=digests["sha256"])
        if content == Content(compression=None, format=ImageFormat.RAW):
            entry = _entry(path, path.stat().st_size, digests["sha256"], content)
        else:
            entry = await self._converted(path, content, key)
        return self._describe(entry, wanted or key, verified=wanted is not None)

    async def _digests(self, path: Path, algorithms: set[str]) -> dict[str, str]:
        known = self._cache.known_digests(path)
        if algorithms <= known.keys():
            return known
        meter = Meter(ImageStage.VERIFY, path.stat().st_size)
        digests = await in_thread(self._executor, partial(hash_file, path, algorithms), meter, self._tell)
        self._cache.remember_digests(path, digests)
        return digests

    async def _converted(self, path: Path, content: Content, key: Checksum) -> Entry:
        if found := self._cache.find(key):
            return found
        async with self._cache.locked(key):
            if found := self._cache.find(key):
                return found
            made = await self._make(path, content, key)
            _look_inside(made.path, self._image.name)
            return self._cache.add(key, made)

    async def _make(self, source: Path, content: Content, key: Checksum) -> Entry:
        """A raw file out of a packed or qcow2 one, or both in turn."""
        if content.compression is None:
            return await self._make_raw(source, content, key)
        target = self._cache.temporary(key, "unpacked")
        size, sha256 = await in_thread(
            self._executor,
            partial(self._unpack, source, content.compression, target),
            Meter(ImageStage.UNPACK, source.stat().st_size),
            self._tell,
        )
        inner = look(target, name=self._file_name)
        whole = Content(compression=content.compression, format=inner.format)
        if inner.compression is not None:
            raise InvalidError(f"image {self._image.name} is compressed twice", hint="unpack it once by hand")
        if inner.format is ImageFormat.RAW:
            return _entry(target, size, sha256, whole)
        return await self._make_raw(target, whole, key)

    def _unpack(self, source: Path, compression: Compression, target: Path, meter: Meter) -> tuple[int, str]:
        name = self._file_name
        return write_sparse(
            unpacked(source, compression, meter, name=name), target, limit=self._limit, name=name
        )

    async def _make_raw(self, source: Path, content: Content, key: Checksum) -> Entry:
        size = check_qcow2(source, name=self._file_name).size
        if size > self._limit:
            raise too_large(self._file_name, self._limit)
        target = self._cache.temporary(key, "converted")
        await convert(source, target, size=size, name=self._file_name, tell=self._tell)
        written = target.stat().st_size
        digests = await in_thread(
            self._executor,
            partial(hash_file, target, {"sha256"}),
            Meter(ImageStage.VERIFY, written),
            self._tell,
        )
        return _entry(target, written, digests["sha256"], content)

    def _compare(self, wanted: Checksum, seen: str) -> None:
        if seen != wanted.value:
            raise InvalidError(
                f"image {self._image.name} is not the one its checksum is of:"
                f" {wanted.algorithm} {seen}, expected {wanted.value}",
                hint="fetch the image again, or correct the checksum",
            )

    def _describe(self, entry: Entry, source: Checksum, *, verified: bool) -> PreparedImage:
        partitions, loaders = _look_inside(entry.path, self._image.name)
        return PreparedImage(
            name=self._image.name,
            path=entry.path,
            size=entry.size,
            checksum=Checksum(algorithm="sha256", value=entry.sha256),
            source_checksum=source,
            verified=verified,
            format=entry.format,
            compression=entry.compression,
            partitions=partitions,
            loaders=loaders,
        )


def _entry(path: Path, size: int, sha256: str, content: Content) -> Entry:
    return Entry(path=path, size=size, sha256=sha256, format=content.format, compression=content.compression)


def _look_inside(path: Path, name: str) -> tuple[PartitionTable | None, tuple[str, ...]]:
    partitions = read_partitions(path, name=f"image {name}")
    return partitions, read_loaders(path, partitions)


def _read_checksum_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_CHECKSUM_FILE).decode("utf-8", "replace")
    except OSError as error:
        raise InvalidError(
            f"the checksum file {path} cannot be read: {error.strerror}",
            hint="a checksum is 64 or 128 hex digits, algorithm:hex, or the path or URL of a checksum file",
        ) from error
