"""Certificates are checked wherever bmctl logs in or fetches an image."""

from __future__ import annotations

from collections.abc import Iterator

from bmctl.inventory.tree import locate
from bmctl.model.node import DriverName
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look


def _run(look: Look) -> Iterator[Finding]:
    for node in look.nodes:
        if node.bmc.driver is not DriverName.REDFISH:
            continue
        if node.bmc.address.startswith("http://"):
            yield Finding(
                level=Level.WARNING,
                text="the controller is reached without TLS: its password goes over the network readable",
                remedy="write its address as https://",
                node=node.name,
                place=look.place(node.name, "bmc", "address"),
            )
        elif node.bmc.verify is False:
            yield Finding(
                level=Level.WARNING,
                text="the controller's certificate is not checked",
                remedy="set bmc.verify to the file of the CA that signed it",
                node=node.name,
                place=look.place(node.name, "bmc", "verify"),
            )
    for image in look.inventory.inventory.images.values():
        if image.verify_tls is False:
            line, column = locate(look.inventory.root, ("images", image.name, "verify")).value_at
            yield Finding(
                level=Level.WARNING,
                text=f"image {image.name}: the server's certificate is not checked",
                remedy="set verify to the file of the CA that signed it",
                place=f"{look.sources.inventory}:{line}:{column}",
            )


CHECK = Check(name="tls", title="TLS verification", run=_run)
