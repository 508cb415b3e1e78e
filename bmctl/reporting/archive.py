"""One archive of all that is known of a run, for somebody else to read: no secret is in any of it."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bmctl.errors import BmctlError
from bmctl.reporting.redaction import Redaction
from bmctl.reporting.story import RunStory
from bmctl.reporting.timeline import timeline_page
from bmctl.reporting.versions import installed_versions

_JSON_LINES = ("journal.jsonl", "events.jsonl", "fetches.jsonl")
_LOGS = "agent-logs.tar.gz"
_MEANING = {
    "timeline.html": "the run drawn on a time axis, with the same in tables; open it in a browser",
    "story.json": "the run as it went: tasks, tries, errors, fetches, versions",
    "events.jsonl": "everything that was told while it ran, one JSON object a line, times since the epoch",
    "journal.jsonl": "each fact in the order it became true; what a resume goes by",
    "fetches.jsonl": "what controller and machine fetched from bmctl: bytes, seconds, parts of the medium",
    "plan.json": "the tasks the run set out with, and where each came from",
    "agent-logs.tar.gz": "what the agent in the ramdisk logged, where it could still be asked",
    "node.json": "what bmctl remembers of the node",
    "inventory.json": "what the inventory says of the node now; secrets are named, not told",
    "versions.json": "bmctl, Python and libraries of the host that made this report",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a report is made of. `secrets` are those that are known: none is in what `write` leaves."""

    story: RunStory
    folder: Path
    record: Mapping[str, Any] | None = None
    inventory: Mapping[str, Any] | None = None
    plan: Mapping[str, Any] | None = None
    secrets: tuple[str, ...] = field(repr=False, default=())

    @property
    def name(self) -> str:
        """What the report is called, the same whenever it is made."""
        return f"bmctl-report-{self.story.node}-{self.story.run}"

    def members(self) -> dict[str, bytes]:
        """The files of the report by name, without secrets."""
        redaction = Redaction(self.secrets)
        found = dict(sorted((*self._documents(redaction), *self._kept(redaction))))
        return {"README.txt": redaction.text(self._readme(found)).encode(), **found}

    def page(self) -> str:
        """The timeline alone, without secrets."""
        return timeline_page(Redaction(self.secrets).story(self.story))

    def _documents(self, redaction: Redaction) -> Iterator[tuple[str, bytes]]:
        yield "timeline.html", self.page().encode()
        documents = {
            "story.json": self.story.to_json(),
            "plan.json": self.plan,
            "node.json": self.record,
            "inventory.json": self.inventory,
            "versions.json": installed_versions(),
        }
        for name, value in documents.items():
            if value is not None:
                yield name, redaction.document(value)

    def _kept(self, redaction: Redaction) -> Iterator[tuple[str, bytes]]:
        """The files of the run's folder that others may read: its secrets are not among them."""
        for name in _JSON_LINES:
            if (content := _read(self.folder / name)) is not None:
                yield name, redaction.lines(content)
        if (content := _read(self.folder / _LOGS)) is not None:
            yield _LOGS, redaction.archive(content)

    def _readme(self, members: Mapping[str, bytes]) -> str:
        story = self.story
        error = f"Error: {story.error}\n" if story.error else ""
        width = max(map(len, members))
        lines = "\n".join(f"{name:{width}}  {_MEANING[name]}" for name in members)
        return (
            f"Report of {story.node}: {story.verb}, {story.ending.value} (run {story.run})\n"
            f"{error}\n{lines}\n\n"
            "Passwords, tokens and keys that bmctl knew of were replaced by ******, and so was what looks\n"
            "like one. Names, addresses and serial numbers were not: look before you give this away.\n"
        )


def write_report(report: Report, target: Path) -> None:
    """Write the report as a tar.gz, mode 0600, whole or not at all; the same run makes the same names."""
    write_private(target, _packed(report))


def write_private(target: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, whole or not at all; `BmctlError` where that fails."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.touch(mode=0o600)
        temporary.write_bytes(content)
        temporary.replace(target)
    except OSError as error:
        raise BmctlError(f"cannot write {target}: {error.strerror}", hint="name another file") from error
    finally:
        temporary.unlink(missing_ok=True)


def _packed(report: Report) -> bytes:
    packed = io.BytesIO()
    when = int(report.story.last_sign)
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=when) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in report.members().items():
            member = tarfile.TarInfo(f"{report.name}/{name}")
            member.size, member.mtime, member.mode = len(content), when, 0o600
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
