"""HTTP requests as values, with no socket: bytes in, what is asked for out (RFC 9110, RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote

HEADER_END = b"\r\n\r\n"
# Firmware and controllers send a few hundred bytes.
LONGEST_HEADER = 16 * 1024
# A GET has no body; a small one is read and forgotten, for the next request to be found.
LONGEST_BODY = 64 * 1024

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (\S{1,4096}) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.IGNORECASE)


class BadRequestError(Exception):
    """What came is not a request this server understands; `status` is the answer."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: its method, its path without query and doubled slashes, and its header fields.

    Field names are lower case.
    """

    method: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    minor_version: int = 1

    @property
    def keep_alive(self) -> bool:
        """Whether the client will ask again on this connection (RFC 9112, 9.3)."""
        options = {option.strip().lower() for option in self.fields.get("connection", "").split(",")}
        return "close" not in options and (self.minor_version == 1 or "keep-alive" in options)

    @property
    def body_length(self) -> int:
        """Bytes that follow the header."""
        return int(self.fields.get("content-length", "0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which bytes of a file to send: `status` is 200 for the whole, 206 for a part."""

    status: HTTPStatus
    offset: int
    length: int

    def content_range(self, size: int) -> str | None:
        """The Content-Range field that goes with a part."""
        if self.status is not HTTPStatus.PARTIAL_CONTENT:
            return None
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


def parse_request(header: bytes) -> Request:
    """A request from its header, the empty line left out. Raises BadRequestError."""
    first, *lines = header.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise BadRequestError(HTTPStatus.BAD_REQUEST)
    fields = _fields(lines)
    if "transfer-encoding" in fields:
        raise BadRequestError(HTTPStatus.NOT_IMPLEMENTED)
    length = fields.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequestError(HTTPStatus.BAD_REQUEST)
    if len(length) > 9 or int(length) > LONGEST_BODY:
        raise BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return Request(
        method=match[1].decode("ascii"),
        path=_path(match[2]),
        fields=fields,
        minor_version=int(match[3]),
    )


def _fields(lines: list[bytes]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise BadRequestError(HTTPStatus.BAD_REQUEST)
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1")
        if name == "content-length" and fields.get(name, value) != value:
            raise BadRequestError(HTTPStatus.BAD_REQUEST)
        fields[name] = f"{fields[name]}, {value}" if name in fields and name != "content-length" else value
    return fields


def _path(target: bytes) -> str:
    """The path of a request target in origin or absolute form (RFC 9112, 3.2)."""
    text = target.decode("latin-1").partition("?")[0].partition("#")[0]
    if "://" in text:
        text = "/" + text.partition("://")[2].partition("/")[2]
    # shim asks for //grubx64.efi, and some controllers join addresses the same way.
    return re.sub("/{2,}", "/", unquote(text))


def choose_span(fields: Mapping[str, str], *, size: int, etag: str, modified: str) -> Span:
    """Which bytes to send for these header fields (RFC 9110, 14).

    Several ranges, or a range of an older version of the file, give the whole file, which is allowed.
    Raises BadRequestError with 416 where the range lies outside.
    """
    whole = Span(status=HTTPStatus.OK, offset=0, length=size)
    match = _RANGE.fullmatch(fields.get("range", "").strip())
    if match is None or not (match[1] or match[2]):
        return whole
    if fields.get("if-range", etag) not in {etag, modified}:
        return whole
    if match[1] and match[2] and int(match[2]) < int(match[1]):
        return whole
    first, last = _bounds(match[1], match[2], size)
    if first >= size or last < first:
        raise BadRequestError(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    return Span(status=HTTPStatus.PARTIAL_CONTENT, offset=first, length=last - first + 1)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """First and last byte; without a first, `last` counts bytes from the end."""
    if not first:
        return max(size - int(last), 0), size - 1 if int(last) else -1
    return int(first), min(int(last), size - 1) if last else size - 1
