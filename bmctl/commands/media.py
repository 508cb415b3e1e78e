"""`bmctl media`: boot media as files, for machines whose controller fetches nothing."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmctl.commands.amounts import size
from bmctl.commands.nodes import complete_nodes
from bmctl.commands.settings import common_options, settings_of

if TYPE_CHECKING:
    from bmctl.model.node import Node

EPILOG = """\b
Examples:
  bmctl media build n1 -o n1.iso
  bmctl media build n1 -o n1.iso --timestamp 1750000000
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Build boot media as files."""


@command.command(epilog=EPILOG)
@click.argument("name", metavar="NODE", shell_complete=complete_nodes)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--timestamp", type=int, metavar="SECONDS", help="Date of the medium (SOURCE_DATE_EPOCH).")
@click.option(
    "--keys", type=click.Path(path_type=Path), metavar="FILE", help="Keep or reuse its secrets here."
)
@common_options
@click.pass_context
def build(ctx: click.Context, name: str, output: Path, timestamp: int | None, keys: Path | None) -> None:
    """Write a node's boot medium to a file.

    It boots the ramdisk with the node's network from CD, USB or virtual media,
    and holds the agent's token and key: the file is readable by its owner alone.
    With --keys, and one --timestamp, two builds are equal byte for byte.
    """
    from bmctl.boot.virtual_media import VirtualMedium
    from bmctl.media.credentials import RunCredentials
    from bmctl.media.extents import write_file
    from bmctl.media.loaders import find_loaders
    from bmctl.ramdisk.shelf import find

    settings = settings_of(ctx)
    node = settings.load_inventory().node(name)
    ramdisk = find(settings.find_cache() / "ramdisks", node.ramdisk)
    kept = _kept_keys(keys, node)
    epoch = timestamp or int(settings.environment.get("SOURCE_DATE_EPOCH", 0)) or int(time.time())
    medium = VirtualMedium(
        node=node,
        kernel=ramdisk.kernel,
        initramfs=ramdisk.initramfs,
        loader=find_loaders(node.architecture),
        publisher=kept.pop("publisher"),
        credentials=RunCredentials.from_dict(kept),
        timestamp=epoch,
    ).build()
    write_file(medium, output)
    if settings.json:
        click.echo(json.dumps({"node": name, "path": str(output), "size": medium.size}))
    else:
        click.echo(
            f"{output}: {size(medium.size)}, {size(medium.private_bytes)} of it made for {name}", err=True
        )


def _kept_keys(path: Path | None, node: Node) -> dict[str, str]:
    """The medium's secrets and publisher from the file, or new ones, kept there where a file is named."""
    from bmctl.media.credentials import make_credentials
    from bmctl.store.durable import write_durably

    if path is not None and path.exists():
        found: dict[str, str] = json.loads(path.read_text())
        return found
    credentials = make_credentials([address.ip for address in node.network.addresses], name=node.name)
    made = {**credentials.to_dict(), "publisher": str(uuid.uuid4())}
    if path is not None:
        write_durably(path, json.dumps(made).encode(), staging=path.absolute().parent)
    return made
