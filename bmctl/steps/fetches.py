"""What a machine and its controller fetched, turned into progress and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bmctl.media.extents import ExtentFile
    from bmctl.ports import Ports
    from bmctl.servers.transfer import Fetch


class MediumWatch:
    """Follows the fetches of one boot medium; what counts is the furthest byte ever sent of each part."""

    def __init__(self, ports: Ports, medium: ExtentFile) -> None:
        self._ports = ports
        self._size = medium.size
        self._furthest = 0
        self._sizes = medium.labels()
        self._parts: dict[str, int] = {}

    def fetched(self, fetch: Fetch) -> None:
        """Take note of one fetch, under way or ended."""
        if fetch.method != "GET":
            self._ports.evidence.see("boot medium", f"asked for by {fetch.client}")
            return
        self._ports.medium_read = self._ports.medium_read or fetch.sent > 0
        self._furthest = max(self._furthest, fetch.offset + fetch.sent)
        for part, sent in fetch.parts.items():
            self._parts[part] = max(self._parts.get(part, 0), sent)
        self._ports.evidence.see("boot medium", f"fetched by {fetch.client}: {self._shares()}")
        self._ports.progress(
            "controller fetches the boot medium", done=self._furthest, total=self._size, unit="B"
        )

    def _shares(self) -> str:
        """How much of each part was ever sent in one go: what a machine read tells how far it came."""
        shares = (
            f"{part} {min(100, 100 * self._parts.get(part, 0) // size)} %"
            for part, size in self._sizes.items()
            if size
        )
        return ", ".join(shares)


class ImageWatch:
    """Follows the agent's download of the image: with a streamed image, that is what is on the disk."""

    def __init__(self, ports: Ports, size: int) -> None:
        self._ports = ports
        self._size = size

    def fetched(self, fetch: Fetch) -> None:
        """Take note of one fetch, under way or ended."""
        if fetch.method != "GET":
            return
        reached = fetch.offset + fetch.sent
        self._ports.evidence.see("image", f"{reached} of {self._size} bytes sent to {fetch.client}")
        self._ports.progress("writing the image", done=reached, total=self._size, unit="B")
