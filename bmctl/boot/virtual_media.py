"""Virtual media: the controller fetches an ISO image made for its machine and shows it as a CD drive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bmctl.media.agent_files import agent_files
from bmctl.media.credentials import RunCredentials
from bmctl.media.extents import ExtentFile
from bmctl.media.iso import BootMedium, boot_iso
from bmctl.media.kernel_line import kernel_line
from bmctl.media.kernel_network import network_parameters
from bmctl.media.loaders import LoaderFiles
from bmctl.model.node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMedium:
    """What one machine's medium is made from; equal values make equal bytes.

    `publisher` is a UUID made for this medium, `timestamp` the seconds since the epoch it is dated.
    """

    node: Node
    kernel: Path
    initramfs: Path
    loader: LoaderFiles
    credentials: RunCredentials
    publisher: str
    timestamp: int

    @property
    def name(self) -> str:
        """The file name the controller sees; some want it to end in `.iso`."""
        return f"{self.node.name}.iso"

    def build(self) -> ExtentFile:
        """The medium, as extents; nothing is copied."""
        return boot_iso(
            BootMedium(
                kernel=self.kernel,
                initramfs=self.initramfs,
                loader=self.loader,
                kernel_line=kernel_line(publisher=self.publisher, parameters=self._parameters()),
                publisher=self.publisher,
                timestamp=self.timestamp,
                files=agent_files(
                    network=self.node.network,
                    credentials=self.credentials,
                    node_uuid=self.node.uuid,
                    hostname=self.node.name,
                ),
            )
        )

    def _parameters(self) -> tuple[str, ...]:
        own = self.node.kernel_parameters
        return (*network_parameters(self.node.network, own), *own)
