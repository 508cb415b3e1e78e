"""Unpacks gzip, xz and zstd streams chunk by chunk, in bounded memory, and notices when one is cut short."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bmctl.errors import InvalidError
from bmctl.images.progress import Meter
from bmctl.model.image import Compression

CHUNK = 2**20
# A few bytes of zstd can hold 128 KiB of output, and its decoder has no limit for one call: feed it little.
ZSTD_CHUNK = 4096
XZ_MEMORY = 2**30


def unpacked(path: Path, compression: Compression, meter: Meter, *, name: str) -> Iterator[bytes]:
    """The unpacked bytes; `meter` counts the packed ones. Several streams end to end are one.

    Raises `InvalidError` where the last stream is incomplete or damaged.
    """
    readers = {Compression.GZIP: _gunzip, Compression.XZ: _unxz, Compression.ZSTD: _unzstd}
    with path.open("rb") as file:
        try:
            yield from readers[compression](file, meter)
        except (zlib.error, lzma.LZMAError) as error:
            raise InvalidError(
                f"{name} is damaged: its {compression} stream cannot be unpacked",
                hint="fetch the image again",
            ) from error
        except EOFError as error:
            raise InvalidError(
                f"{name} is cut short: its {compression} stream is incomplete",
                hint="fetch the image again",
            ) from error


def _chunks(file: BinaryIO, meter: Meter, size: int = CHUNK) -> Iterator[bytes]:
    while chunk := file.read(size):
        meter.add(len(chunk))
        yield chunk


def _gunzip(file: BinaryIO, meter: Meter) -> Iterator[bytes]:
    stream, fresh = zlib.decompressobj(wbits=31), True
    for chunk in _chunks(file, meter):
        data, more = chunk, False
        while data or more:
            if fresh and not (data := data.lstrip(b"\0")):
                break  # tapes and block devices pad with zeros after the last member
            output = stream.decompress(data, CHUNK)
            if output:
                yield output
            data, more, fresh = stream.unconsumed_tail, len(output) == CHUNK, False
            if stream.eof:
                data, stream = stream.unused_data, zlib.decompressobj(wbits=31)
                more, fresh = False, True
    if not fresh:
        raise EOFError


def _unxz(file: BinaryIO, meter: Meter) -> Iterator[bytes]:
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    fresh = True
    for chunk in _chunks(file, meter):
        data = chunk
        while data or not (fresh or stream.needs_input):
            if fresh and not (data := data.lstrip(b"\0")):
                break  # padding between streams is made of zeros (xz file format, 2.2)
            output = stream.decompress(data, CHUNK)
            data, fresh = b"", False
            if output:
                yield output
            if stream.eof:
                data, stream, fresh = (
                    stream.unused_data,
                    lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY),
                    True,
                )
    if not fresh:
        raise EOFError


def _unzstd(file: BinaryIO, meter: Meter) -> Iterator[bytes]:
    import zstandard

    decoder = zstandard.ZstdDecompressor()
    stream, fresh = decoder.decompressobj(), True
    try:
        for chunk in _chunks(file, meter, ZSTD_CHUNK):
            data = chunk
            while data:
                output = stream.decompress(data)
                data, fresh = b"", False
                if output:
                    yield output
                if stream.eof:
                    data, stream, fresh = stream.unused_data, decoder.decompressobj(), True
    except zstandard.ZstdError as error:
        raise zlib.error(str(error)) from error
    if not fresh:
        raise EOFError
