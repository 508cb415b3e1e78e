"""Everything a step may touch, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bmctl.model.event import EventKind, RunEvent, Tell
from bmctl.model.evidence import Evidence
from bmctl.model.node import Node
from bmctl.store.marks import RunRecord

if TYPE_CHECKING:
    from bmctl.agent.client import AgentClient
    from bmctl.drivers.abilities import Driver
    from bmctl.images.chunks import Chunk, Extent
    from bmctl.images.prepare import PreparedImage
    from bmctl.images.progress import ImageProgress
    from bmctl.media.extents import ExtentFile
    from bmctl.model.image import ImageSource
    from bmctl.servers.transfer import Fetch


class Shelf(Protocol):
    """Files offered to one machine and its controller, under a path nobody can guess."""

    def offer(
        self,
        name: str,
        content: ExtentFile | Path,
        *,
        to_controller: bool,
        watch: Callable[[Fetch], None],
    ) -> str:
        """Serve a file and return its URL; offering the same name again keeps the URL."""

    def withdraw(self, name: str) -> None:
        """Stop serving; a name that is not offered is fine."""


class MediumBuilder(Protocol):
    """Makes the boot medium of this machine for this run."""

    def build(self) -> ExtentFile: ...

    @property
    def name(self) -> str:
        """The file name under which the medium is served."""


class ImageLibrary(Protocol):
    """Turns what the inventory names into what the agent writes, once for all machines."""

    async def prepare(self, image: ImageSource, tell: Callable[[ImageProgress], None]) -> PreparedImage: ...

    async def chunks(self, path: Path, sha256: str, extents: Sequence[Extent]) -> tuple[Chunk, ...]:
        """Digests of parts of a raw image; with its SHA-256 they are kept for the next machine."""

    async def digest(self, path: Path) -> str:
        """The SHA-256 of a raw image as it is now."""


@dataclass(slots=True, kw_only=True)
class Ports:
    """What the steps of one node's run may touch. `folder` is the run's own directory.

    `medium_read` says whether any byte of the boot medium was fetched in this process. `relatives` are
    the ports of child and parent nodes that the plan acts on too. `rescue_password` is never journalled.
    """

    node: Node
    driver: Driver
    agent: AgentClient
    shelf: Shelf
    medium: MediumBuilder
    images: ImageLibrary
    record: RunRecord
    folder: Path
    secrets: tuple[str, ...] = field(repr=False, default=())
    rescue_password: str = field(repr=False, default="")
    relatives: dict[str, Ports] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    medium_url: str = ""
    medium_read: bool = False
    _task: str = ""
    _tell: Tell | None = None

    def of(self, node: str) -> Ports:
        """The ports of a related node by name; these here where it is empty."""
        return self.relatives[node] if node else self

    @property
    def task(self) -> str:
        """The key of the task that runs."""
        return self._task

    @contextmanager
    def telling(self, task: str, tell: Tell) -> Iterator[None]:
        """Say whose progress is told while the block runs."""
        self._task, self._tell = task, tell
        try:
            yield
        finally:
            self._task, self._tell = "", None

    def progress(
        self,
        text: str,
        *,
        done: float | None = None,
        total: float | None = None,
        unit: str = "",
    ) -> None:
        """Tell how far the step has come."""
        self._say(EventKind.PROGRESS, text, done=done, total=total, unit=unit)

    def warn(self, text: str) -> None:
        """Tell something an operator should look at, though the run goes on."""
        self._say(EventKind.WARNING, text)

    def note(self, text: str) -> None:
        """Tell a fact worth a line."""
        self._say(EventKind.NOTE, text)

    def _say(
        self,
        kind: EventKind,
        text: str,
        *,
        done: float | None = None,
        total: float | None = None,
        unit: str = "",
    ) -> None:
        if self._tell is not None:
            self._tell(
                RunEvent(
                    node=self.node.name,
                    kind=kind,
                    task=self._task,
                    text=text,
                    done=done,
                    total=total,
                    unit=unit,
                )
            )
