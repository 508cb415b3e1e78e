"""From an image as the inventory names it to a raw file on this host, proven by checksum and signature."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bmctl.errors import BmctlError, InvalidError
from bmctl.images.cache import Entry, ImageCache
from bmctl.images.content import PLAIN, Content, look, part_of_disk
from bmctl.images.fetch import detour, fetch_image, file_name, is_url
from bmctl.images.files import Stamp, hash_stamped, require_unchanged, stamp_of
from bmctl.images.loaders import Loader, read_loaders
from bmctl.images.making import Maker
from bmctl.images.partitions import PartitionTable, read_partitions
from bmctl.images.progress import ImageProgress, ImageStage, Meter, Tell, in_thread
from bmctl.images.published import Clock, Published, read_published
from bmctl.images.room import Bounds
from bmctl.images.signatures import refusal
from bmctl.model.image import Checksum, Compression, ImageFormat, ImageSource

_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedImage:
    """A raw image on this host, as an agent will stream it.

    `checksum` is the SHA-256 of `path`. `source_checksum` is that of the image as published, and `verified`
    says whether a checksum or signature vouches for it (else it was computed here and proves nothing).
    `signer` says who signed image or checksum file; empty where nobody had to. `loaders` are the programs in
    the EFI system partition; `lone_part` says what an image without partition table is, where that is known.
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
    loaders: tuple[Loader, ...] = ()
    lone_part: str = ""
    signer: str = ""

    @property
    def esp(self) -> bool:
        """Whether the image has an EFI system partition."""
        return self.partitions is not None and self.partitions.esp is not None


def _tell_nobody(_: ImageProgress) -> None:
    return


def _now() -> datetime:
    return datetime.now(UTC)


async def prepare(
    image: ImageSource,
    *,
    cache: Path,
    progress: Tell = _tell_nobody,
    bounds: Bounds = _BOUNDS,
    clock: Clock = _now,
) -> PreparedImage:
    """Fetch, verify, unpack and convert an image; nothing is done twice for the same content.

    A raw local image is used where it lies. Signatures must be in force at the time of `clock`, also where
    the image is known from before. Raises `InvalidError` for an image, checksum or signature that is wrong,
    `UnreachableError` for a server that is.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="image") as executor, _faults(image):
        published = await read_published(image, clock)
        kept = ImageCache(cache)
        maker = Maker(
            name=file_name(image.source), cache=kept, executor=executor, tell=progress, bounds=bounds
        )
        return await _Preparation(image=image, published=published, cache=kept, maker=maker).run()


@contextmanager
def _faults(image: ImageSource) -> Iterator[None]:
    """Say of every fault, also of the operating system's, which image it was about."""
    try:
        yield
    except InvalidError as error:
        if error.message.startswith("image "):
            raise
        raise InvalidError(f"image {image.name}: {error.message}", hint=error.hint) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise BmctlError(
                f"no space left while preparing image {image.name}",
                hint="make room in bmctl's cache directory",
            ) from error
        raise InvalidError(
            f"image {image.name}: {error.filename or 'file'}: {error.strerror or error}"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Preparation:
    image: ImageSource
    published: Published
    cache: ImageCache
    maker: Maker

    async def run(self) -> PreparedImage:
        if not is_url(self.image.source):
            return await self._from_file(Path(self.image.source))
        wanted = self.published.checksum
        if wanted is None:
            raise InvalidError(
                f"image {self.image.name} has no checksum, and comes from a URL",
                hint="give its checksum: hex, the URL of a checksum file, or auto to look for one beside it",
            )
        return self._describe(await self._from_url(wanted), wanted)

    @property
    def _algorithms(self) -> set[str]:
        """The digests that are wanted of the source, all of them in one pass."""
        wanted, proof = self.published.checksum, self.published.proof
        return {
            "sha256",
            *([wanted.algorithm] if wanted else []),
            *([proof.digest] if proof and proof.digest else []),
        }

    async def _from_url(self, wanted: Checksum) -> Entry:
        if found := self._kept(wanted):
            return found
        async with self.cache.locked(wanted):
            if found := self._kept(wanted):
                return found
            return self.cache.add(wanted, await self._fetched(wanted))

    def _kept(self, wanted: Checksum) -> Entry | None:
        """What an earlier run made of the same source, if that carried the signature now asked for."""
        found, proof = self.cache.find(wanted), self.published.proof
        if found is None or proof is None or self.cache.is_proven(found.source_sha256, proof.identity):
            return found
        return None

    async def _fetched(self, wanted: Checksum) -> Entry:
        target = self.cache.temporary(wanted, "fetched")

        def peek(final: str) -> None:
            look(target, name=f"{self.maker.name}{detour(self.image.source, final)}")

        digests = await fetch_image(
            self.image.source,
            target,
            algorithms=self._algorithms,
            verify_tls=self.image.verify_tls,
            room=self.maker.room(self.maker.bounds.largest),
            peek=peek,
            tell=self.maker.tell,
        )
        content = look(target, name=self.maker.name)
        await self._verify(target, digests)
        return await self._made(target, content, digests, wanted)

    async def _from_file(self, path: Path) -> PreparedImage:
        if not path.is_file():
            raise InvalidError(
                f"image {self.image.name}: there is no file {path}",
                hint="check image.source in the inventory",
            )
        content = look(path, name=self.maker.name)
        digests, stamp = await self._digests(path)
        await self._verify(path, digests)
        key = Checksum(algorithm="sha256", value=digests["sha256"])
        if content == PLAIN:
            entry = await self._made(path, content, digests, key)
        else:
            entry = await self._converted(path, content, digests, stamp)
        require_unchanged(path, stamp)
        return self._describe(entry, self.published.checksum or key)

    async def _digests(self, path: Path) -> tuple[dict[str, str], Stamp]:
        stamp = stamp_of(path)
        known = self.cache.known_digests(path, stamp)
        if self._algorithms <= known.keys():
            return known, stamp
        meter = Meter(ImageStage.VERIFY, path.stat().st_size)
        digests, stamp = await in_thread(
            self.maker.executor, partial(hash_stamped, path, self._algorithms), meter, self.maker.tell
        )
        self.cache.remember_digests(path, stamp, digests)
        return digests, stamp

    async def _converted(self, path: Path, content: Content, digests: dict[str, str], stamp: Stamp) -> Entry:
        key = Checksum(algorithm="sha256", value=digests["sha256"])
        if found := self.cache.find(key):
            return found
        async with self.cache.locked(key):
            if found := self.cache.find(key):
                return found
            made = await self._made(path, content, digests, key)
            require_unchanged(path, stamp)
            return self.cache.add(key, made)

    async def _verify(self, path: Path, digests: dict[str, str]) -> None:
        """Hold the source against its checksum and the signature over it."""
        wanted, proof = self.published.checksum, self.published.proof
        if wanted is not None and digests[wanted.algorithm] != wanted.value:
            raise InvalidError(
                f"image {self.image.name} is not the one its checksum is of:"
                f" {wanted.algorithm} {digests[wanted.algorithm]}, expected {wanted.value}",
                hint="fetch the image again, or correct the checksum",
            )
        if proof is None or self.cache.is_proven(digests["sha256"], proof.identity):
            return
        if not await proof.is_of_file(path, digests):
            raise refusal("the image")
        self.cache.remember_proof(digests["sha256"], proof.identity)

    async def _made(self, source: Path, content: Content, digests: dict[str, str], key: Checksum) -> Entry:
        """The raw file, which is the source itself where that is raw; its partition table is whole."""
        if content == PLAIN:
            made = Entry(
                path=source,
                size=source.stat().st_size,
                sha256=digests["sha256"],
                format=content.format,
                compression=None,
            )
        else:
            made = await self.maker.make(source, content, key)
        read_partitions(made.path, name=f"image {self.image.name}")
        return replace(made, source_sha256=digests["sha256"], name=self.maker.name)

    def _describe(self, entry: Entry, source: Checksum) -> PreparedImage:
        partitions = read_partitions(entry.path, name=f"image {self.image.name}")
        proof = self.published.proof
        return PreparedImage(
            name=self.image.name,
            path=entry.path,
            size=entry.size,
            checksum=Checksum(algorithm="sha256", value=entry.sha256),
            source_checksum=source,
            verified=self.published.checksum is not None or proof is not None,
            format=entry.format,
            compression=entry.compression,
            partitions=partitions,
            loaders=read_loaders(entry.path, partitions),
            lone_part="" if partitions else part_of_disk(entry.path),
            signer=proof.signer if proof else self.published.signer,
        )
