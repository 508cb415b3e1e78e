"""One answer on its way to a client: what is sent, and what is told about it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bmctl.servers.channel import Channel, ContentError
from bmctl.servers.content import Content, ContentPiece
from bmctl.servers.request import Span

# Small pieces are gathered up to this size, so that a header block does not become many packets.
GATHER_SIZE = 64 * 1024


class Outcome(StrEnum):
    """How far a fetch is."""

    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A client fetched, or is fetching, something.

    `name` is the publication's name, empty where the path is not published; the path itself holds the
    secret key and is not told. `length` of the bytes from `offset` on are to be sent, `sent` are.
    `parts` counts the sent bytes by the label of what they are. `aborted` means that the client or the
    server ended it, `failed` that a file had changed. `number` tells the answers of one server apart.
    """

    client: str
    name: str
    method: str
    status: int
    offset: int = 0
    length: int = 0
    sent: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)
    outcome: Outcome = Outcome.DONE
    seconds: float = 0.0
    number: int = 0


Tell = Callable[[Fetch], None]


@dataclass(slots=True, kw_only=True)
class Progress:
    """Counts what is sent and tells it, first at once and then at intervals."""

    client: str
    name: str
    method: str
    span: Span
    tell: Tell
    clock: Callable[[], float]
    interval: float
    started: float
    number: int = 0
    sent: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    next_report: float = 0.0

    def count(self, label: str, count: int) -> None:
        """These bytes are sent."""
        self.sent += count
        if label:
            self.parts[label] = self.parts.get(label, 0) + count
        if (now := self.clock()) >= self.next_report and self.sent < self.span.length:
            self.next_report = now + self.interval
            self.report(Outcome.RUNNING)

    def report(self, outcome: Outcome) -> None:
        """Tell how far it is."""
        self.tell(
            Fetch(
                client=self.client,
                name=self.name,
                method=self.method,
                status=self.span.status,
                offset=self.span.offset,
                length=self.span.length if self.method == "GET" else 0,
                sent=self.sent,
                parts=dict(self.parts),
                outcome=outcome,
                seconds=self.clock() - self.started,
                number=self.number,
            )
        )


@contextlib.contextmanager
def opened(content: Content, span: Span) -> Iterator[dict[Path, int]]:
    """Every file that the span needs, open; ContentError where one is not as promised."""
    with contextlib.ExitStack() as stack:
        files: dict[Path, int] = {}
        for piece in content.pieces(span.offset, span.length):
            if piece.path is None:
                continue
            if piece.path not in files:
                files[piece.path] = _open(piece.path, stack)
            if os.fstat(files[piece.path]).st_size < piece.offset + piece.length:
                raise ContentError
        yield files


def _open(path: Path, stack: contextlib.ExitStack) -> int:
    try:
        return stack.enter_context(path.open("rb", buffering=0)).fileno()
    except OSError as error:
        raise ContentError from error


async def send_span(
    channel: Channel, content: Content, span: Span, files: Mapping[Path, int], progress: Progress
) -> None:
    """Send the span's bytes."""
    for pieces in _gathered(content.pieces(span.offset, span.length)):
        first = pieces[0]
        if first.path is None:
            await _send_bytes(channel, pieces, span, progress)
        else:
            await channel.send_file(
                files[first.path], first.offset, first.length, _counter(progress, first.label)
            )


def _counter(progress: Progress, label: str) -> Callable[[int], None]:
    return lambda count: progress.count(label, count)


async def _send_bytes(channel: Channel, pieces: list[ContentPiece], span: Span, progress: Progress) -> None:
    data = b"".join(piece.data or b"" for piece in pieces)
    await channel.send(data, more=progress.sent + len(data) < span.length)
    for piece in pieces:
        progress.count(piece.label, piece.length)


def _gathered(pieces: Iterator[ContentPiece]) -> Iterator[list[ContentPiece]]:
    """Ranges of files one by one, small bytes in a row together."""
    group: list[ContentPiece] = []
    size = 0
    for piece in pieces:
        if group and (piece.path is not None or size + piece.length > GATHER_SIZE):
            yield group
            group, size = [], 0
        if piece.path is not None:
            yield [piece]
        else:
            group.append(piece)
            size += piece.length
    if group:
        yield group
