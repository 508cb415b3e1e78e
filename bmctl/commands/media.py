"""`bmctl media`: boot media as files, for machines whose controller fetches nothing."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmctl.commands.nodes import complete_nodes
from bmctl.commands.settings import common_options, settings_of
from bmctl.model.amounts import size

if TYPE_CHECKING:
    from bmctl.commands.settings import Settings
    from bmctl.model.network import Address
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
@click.option("--new-keys", is_flag=True, help="Make new secrets: media written before do not match.")
@common_options
@click.pass_context
def build(ctx: click.Context, name: str, output: Path, timestamp: int | None, new_keys: bool) -> None:
    """Write a node's boot medium to a file.

    It boots the ramdisk with the node's network from CD, USB or virtual media,
    and holds the agent's token and key: the file is readable by its owner alone.
    They are kept in the state, so that two builds with one timestamp are equal
    byte for byte.
    """
    from bmctl.boot.virtual_media import VirtualMedium
    from bmctl.media.credentials import RunCredentials
    from bmctl.media.extents import write_file
    from bmctl.media.loaders import find_loaders
    from bmctl.ramdisk.shelf import find

    settings = settings_of(ctx)
    node = settings.load_inventory().node(name)
    ramdisk = find(settings.find_cache() / "ramdisks", node.ramdisk)
    kept = _kept_keys(settings, node, anew=new_keys)
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


def _kept_keys(settings: Settings, node: Node, *, anew: bool) -> dict[str, str]:
    """The secrets and the publisher of the node's media, made once and kept in the state."""
    from bmctl.media.credentials import make_credentials
    from bmctl.store.directory import StateDirectory
    from bmctl.store.durable import make_private_directory, write_durably

    folder = StateDirectory.open(settings.find_state()).root / "media"
    make_private_directory(folder)
    path = folder / f"{node.uuid}.json"
    addresses = [address.ip for address in node.network.addresses]
    if path.exists() and not anew:
        found: dict[str, str] = json.loads(path.read_text())
        # The certificate is for the addresses: others want another one.
        if found.pop("addresses") == _text_of(addresses):
            return found
    made = {**make_credentials(addresses, name=node.name).to_dict(), "publisher": str(uuid.uuid4())}
    kept = {**made, "addresses": _text_of(addresses)}
    write_durably(path, json.dumps(kept).encode(), staging=folder)
    return made


def _text_of(addresses: list[Address]) -> str:
    return " ".join(map(str, addresses))
