"""Where a controller fetches firmware: the URL that was given, or this host."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bmctl.errors import InvalidError
from bmctl.images.checksums import checksum_of, plain_algorithm
from bmctl.images.fetch import fetch_file, file_name, is_url
from bmctl.images.files import hash_file
from bmctl.images.progress import ImageProgress, ImageStage, Meter, Tell, in_thread
from bmctl.model.image import Checksum
from bmctl.ports import Ports

_LARGEST = 8 * 2**30


async def controller_url(ports: Ports, url: str, checksum: str | None) -> str:
    """A URL from which the controller gets the file.

    A file of this host is served from here. With a checksum one behind a URL is, too: it is fetched
    and compared first, so that the controller gets what was looked at. Raises `InvalidError` where
    there is no such file, or it is another than the checksum says.
    """
    if is_url(url) and checksum is None:
        return url
    wanted = None if checksum is None else _checksum(checksum)
    path = await _fetched(ports, url) if is_url(url) else _local(url)
    if wanted is not None:
        await _compare(ports, path, wanted)
    name = f"{ports.node.name}-{file_name(url)}"
    return ports.shelf.offer(name, path, to_controller=True, watch=lambda _fetch: None)


def _checksum(text: str) -> Checksum:
    algorithm, _, value = text.strip().rpartition(":")
    return checksum_of(plain_algorithm(algorithm), value, allow_weak=False)


def _local(url: str) -> Path:
    path = Path(url.removeprefix("file://"))
    if not path.is_absolute():
        raise InvalidError(f"{url} is neither an http or https URL nor an absolute path")
    if not path.is_file():
        raise InvalidError(f"there is no file {path}")
    return path


async def _fetched(ports: Ports, url: str) -> Path:
    """The file in the run's folder, where an earlier process may have put it already."""
    path = ports.folder / "firmware" / file_name(url)
    if path.exists():
        return path
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    tell = _teller(ports, "fetching")
    await fetch_file(url, part, algorithms=set(), verify_tls=True, limit=_LARGEST, tell=tell)
    part.replace(path)
    return path


async def _compare(ports: Ports, path: Path, wanted: Checksum) -> None:
    meter = Meter(ImageStage.VERIFY, path.stat().st_size)
    with ThreadPoolExecutor(1) as executor:
        found = await in_thread(
            executor,
            lambda meter: hash_file(path, {wanted.algorithm}, meter),
            meter,
            _teller(ports, "comparing"),
        )
    if found[wanted.algorithm] != wanted.value:
        seen = f"{wanted.algorithm} {found[wanted.algorithm][:16]}..."
        raise InvalidError(
            f"{path.name} is not what its checksum says ({seen})",
            hint="fetch it again, or correct the checksum",
        )


def _teller(ports: Ports, doing: str) -> Tell:
    def tell(progress: ImageProgress) -> None:
        ports.progress(f"{doing} the firmware", done=progress.done, total=progress.total, unit="bytes")

    return tell
