"""One node's boot medium as a deploy makes it; run as a program it writes the medium to a file.

    python -m benchmarks.medium FOLDER FILE

`FOLDER` holds `kernel` and `initramfs`. Only what the work needs is imported here, since the
program's start is measured with it.
"""

from __future__ import annotations

import sys
from ipaddress import ip_interface
from pathlib import Path

from bmctl.media.agent_files import agent_files
from bmctl.media.credentials import make_credentials
from bmctl.media.extents import ExtentFile, write_file
from bmctl.media.iso import BootMedium, boot_iso
from bmctl.media.kernel_line import kernel_line
from bmctl.media.loaders import find_loaders
from bmctl.model.firmware import Architecture
from bmctl.model.network import Attachment, Ethernet, NetworkConfig

# A fixed moment: the medium's dates.
TIMESTAMP = 1_700_000_000
PUBLISHER = "2f6a1c84-0000-4000-8000-000000000001"


def make_iso(files: Path, number: int) -> ExtentFile:
    """The medium of one node, with certificate and network of its own."""
    interface = ip_interface(f"10.0.{number // 250}.{number % 250 + 1}/16")
    mac = f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"
    network = NetworkConfig(
        links=(Ethernet(name="eth0", mac=mac),),
        attachments=(Attachment(link="eth0", addresses=(interface,)),),
    )
    credentials = make_credentials([network.address], name=f"n{number}")
    return boot_iso(
        BootMedium(
            kernel=files / "kernel",
            initramfs=files / "initramfs",
            loader=find_loaders(Architecture.X86_64),
            kernel_line=kernel_line(publisher=PUBLISHER),
            publisher=PUBLISHER,
            timestamp=TIMESTAMP,
            files=agent_files(
                network=network, credentials=credentials, node_uuid=PUBLISHER, hostname=f"n{number}"
            ),
        )
    )


if __name__ == "__main__":
    write_file(make_iso(Path(sys.argv[1]), 1), Path(sys.argv[2]))
