"""`bmctl lab`: virtual machines with real firmware under a real Redfish emulator."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.settings import DEFAULT_INVENTORY, Settings, common_options, settings_of
from bmctl.commands.tables import show_table
from bmctl.errors import BmctlError

if TYPE_CHECKING:
    from bmctl.lab.image.build import ImageEvent
    from bmctl.lab.lifecycle import LabEvent
    from bmctl.lab.record import Lab

EPILOG = """\b
Examples:
  bmctl lab up 2                  two machines; writes ./inventory.yaml
  bmctl lab status
  bmctl lab console n1            what the machine says on its serial port
  bmctl lab exec -- ping -c1 10.213.0.11
  bmctl lab image                 the test image alone
  bmctl lab down                  leaves nothing behind
"""
# In the lab's directory: the path of the link that `lab up` made to the lab's inventory.
LINK_NOTE = "inventory-link"
DEFAULT_NAME = "default"


def name_option(function: Any) -> Any:
    """Which lab, where there are several."""
    return click.option("--name", default=DEFAULT_NAME, show_default=True, help="Name of the lab.")(function)


@click.group(epilog=EPILOG)
def command() -> None:
    """Run virtual machines with real firmware and real Redfish controllers.

    Everything of a lab lives in one process and its namespaces; there is no
    DHCP server in it. Needs the extra: pip install 'bmctl[lab]'
    """


@command.command(epilog=EPILOG)
@click.argument("count", type=click.IntRange(1, 200), default=1)
@name_option
@click.option("--memory", type=click.IntRange(1024), default=2048, show_default=True, help="MiB for each.")
@click.option("--disk", type=click.IntRange(1), default=8, show_default=True, help="GiB of each disk.")
@click.option("--disks", type=click.IntRange(1, 8), default=1, show_default=True, help="Disks for each.")
@click.option("--nics", type=click.IntRange(1, 8), default=1, show_default=True, help="Ports for each.")
@click.option(
    "--firmware",
    type=click.Choice(["uefi", "bios"]),
    default="uefi",
    show_default=True,
    help="Of each machine.",
)
@click.option("--secure-boot", is_flag=True, help="Firmware that enforces Microsoft's keys.")
@click.option("--no-tls", is_flag=True, help="Controllers over plain HTTP.")
@click.option("--plain-emulator", is_flag=True, help="The emulator alone: no sessions, log or faults.")
@click.option("--image", metavar="PATH", help="Image for the inventory (default: the lab's own, built once).")
@click.option("--no-image", is_flag=True, help="Name no image in the inventory.")
@common_options
@click.pass_context
def up(ctx: click.Context, /, count: int, name: str, **chosen: Any) -> None:
    """Bring COUNT machines up and print the inventory written for them.

    The inventory is in the lab's directory; ./inventory.yaml becomes a link to
    it unless there is such a file already.
    """
    from bmctl.lab.lifecycle import up as bring_up

    settings = settings_of(ctx)
    image, checksum = _image(settings, chosen)
    lab = bring_up(_options(count, name, image, checksum, chosen), _directory(settings, name), _tell)
    link = _link(settings, lab)
    if settings.json:
        click.echo(json.dumps(asdict(lab), indent=2, default=str))
        return
    click.echo(lab.inventory.read_text(), nl=False)
    _advise(lab, link)


@command.command(epilog=EPILOG)
@name_option
@common_options
@click.pass_context
def down(ctx: click.Context, name: str) -> None:
    """End a lab and remove all that it left."""
    from bmctl.lab.lifecycle import down as take_down

    settings = settings_of(ctx)
    directory = _directory(settings, name)
    _unlink(directory)
    _forget_nodes(settings, directory)
    if take_down(directory):
        click.echo(f"lab {name} is down", err=True)
    else:
        click.echo(f"there is no lab {name}", err=True)


@command.command(epilog=EPILOG)
@name_option
@common_options
@click.pass_context
def status(ctx: click.Context, name: str) -> None:
    """Show a lab and its machines."""
    settings = settings_of(ctx)
    lab = _require(settings, name)
    if settings.json:
        click.echo(json.dumps(asdict(lab), indent=2, default=str))
        return
    click.echo(f"lab {lab.name}: {lab.state}, {lab.acceleration}, controllers at {lab.controller_url}")
    click.echo(f"inventory: {lab.inventory}")
    show_table(
        ("name", "address", "mac", "serial log"),
        [(node.name, node.address, node.macs[0], node.serial_log) for node in lab.nodes],
    )


@command.command("exec", epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@name_option
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@common_options
@click.pass_context
def execute(ctx: click.Context, name: str, arguments: tuple[str, ...]) -> None:
    """Run a command inside a lab's network, where its machines are neighbours.

    Needed where the lab was brought up without root, since the host has no link
    to it then.
    """
    from bmctl.lab.inside import inside_command

    lab = _require(settings_of(ctx), name)
    words = inside_command(lab, arguments)
    os.execvp(words[0], words)  # noqa: S606 - the command takes this one's place


@command.command(epilog=EPILOG)
@name_option
@click.argument("node")
@click.option("-f", "--follow", is_flag=True, help="Go on as the machine says more; Ctrl-C ends.")
@common_options
@click.pass_context
def console(ctx: click.Context, name: str, node: str, follow: bool) -> None:
    """Show what a machine has said on its serial port."""
    import time

    log = Path(_require(settings_of(ctx), name).node(node).serial_log)
    with log.open("rb") as file:
        while True:
            sys.stdout.buffer.write(file.read())
            sys.stdout.flush()
            if not follow:
                return
            time.sleep(0.2)


@command.command(epilog=EPILOG)
@common_options
@click.pass_context
def image(ctx: click.Context) -> None:
    """Build the lab's test image, if it is not there yet, and print its path."""
    settings = settings_of(ctx)
    path, _ = _build_image(settings)
    click.echo(path)


def _options(count: int, name: str, image: str | None, checksum: str | None, chosen: dict[str, Any]) -> Any:
    from bmctl.lab.record import Controller, LabOptions
    from bmctl.model.firmware import BootMode

    return LabOptions(
        name=name,
        nodes=count,
        memory_mib=chosen["memory"],
        disk_gib=chosen["disk"],
        disks=chosen["disks"],
        nics=chosen["nics"],
        firmware=BootMode(chosen["firmware"]),
        secure_boot=chosen["secure_boot"],
        controller=Controller.EMULATOR if chosen["plain_emulator"] else Controller.FRONT,
        tls=not chosen["no_tls"],
        image=image,
        image_checksum=checksum,
    )


def _image(settings: Settings, chosen: dict[str, Any]) -> tuple[str | None, str | None]:
    if chosen["no_image"]:
        return None, None
    if chosen["image"]:
        return str(Path(chosen["image"]).absolute()), None
    return _build_image(settings)


def _build_image(settings: Settings) -> tuple[str, str]:
    """Path and checksum of the lab's own image."""
    from bmctl.commands.building import show_building
    from bmctl.lab.image.build import build_image

    with show_building("the lab's image", settings) as progress:

        def tell(event: ImageEvent) -> None:
            progress(event.stage, event.done / event.total if event.total else None)

        built = build_image(settings.find_cache() / "lab-images", tell)
    return built.path, f"sha256:{built.sha256}"


def _directory(settings: Settings, name: str) -> Path:
    if not name.replace("-", "").replace("_", "").isalnum():
        raise BmctlError(f"{name!r} is no name for a lab", hint="use letters, digits, - and _")
    return settings.find_state().parent / "bmctl-labs" / name


def _require(settings: Settings, name: str) -> Lab:
    from bmctl.lab.lifecycle import status as find

    lab = find(_directory(settings, name))
    if lab is None:
        raise BmctlError(f"there is no lab {name}", hint="bring one up with: bmctl lab up 2")
    return lab


def _link(settings: Settings, lab: Lab) -> Path | None:
    """Make the inventory that commands look for a link to the lab's, where nothing is in its place."""
    path = (settings.inventory_path or DEFAULT_INVENTORY).absolute()
    if path.is_symlink() and not path.exists():
        path.unlink()
    if path.exists() and not (path.is_symlink() and path.resolve() == lab.inventory.resolve()):
        return None
    if not path.is_symlink():
        path.symlink_to(lab.inventory)
    lab.path(LINK_NOTE).write_text(str(path))
    return path


def _unlink(directory: Path) -> None:
    note = directory / LINK_NOTE
    if not note.exists():
        return
    link = Path(note.read_text())
    if link.is_symlink() and link.resolve().parent == directory.resolve():
        link.unlink()


def _forget_nodes(settings: Settings, directory: Path) -> None:
    """Forget what was remembered of the lab's machines: they will never come back."""
    from bmctl.lab.record import load
    from bmctl.store.record import get_node, node_key

    lab = load(directory)
    if lab is None or not settings.find_state().exists():
        return
    store = settings.open_store()
    for node in lab.nodes:
        stored = get_node(store, node.name)
        if stored is not None and node.uuid in (stored.record.controller or ""):
            store.delete(node_key(node.name), if_revision=stored.revision)


def _tell(event: LabEvent) -> None:
    click.echo(f"{event.text} ...", err=True)


def _advise(lab: Lab, link: Path | None) -> None:
    option = "" if link is not None else f" -i {lab.inventory}"
    name = "" if lab.name == DEFAULT_NAME else f" --name {lab.name}"
    prefix = "" if lab.network.interface else f"bmctl lab exec{name} -- "
    names = " ".join(node.name for node in lab.nodes)
    machines = "1 machine" if len(lab.nodes) == 1 else f"{len(lab.nodes)} machines"
    click.echo(
        f"\n{machines} under {lab.acceleration.upper()}. Next:"
        f"\n  {prefix}bmctl enroll{option}\n  {prefix}bmctl deploy{option} {names}\n  bmctl lab down{name}",
        err=True,
    )
