"""`bmctl image`: check images without any machine, and keep their cache small."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.building import show_building
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.commands.tables import show_pairs, show_table
from bmctl.errors import BmctlError, ExitCode, InvalidError
from bmctl.model.amounts import duration, size

if TYPE_CHECKING:
    from bmctl.images.cache import Entry, ImageCache
    from bmctl.images.prepare import PreparedImage
    from bmctl.inventory import Inventory
    from bmctl.model.image import ImageSource
    from bmctl.model.node import Node

DAY = 86_400
EPILOG = """\b
Examples:
  bmctl image check               every image of the inventory
  bmctl image check debian-13
  bmctl image check disk.raw.zst --checksum SHA256SUMS
  bmctl image list
  bmctl image prune --unused 7    what no run has taken for a week
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Check images without any machine, and look after their cache."""


@command.command(epilog=EPILOG)
@click.argument("images", nargs=-1)
@click.option("--checksum", metavar="TEXT", help="For a path or URL: hex, file, URL or auto.")
@common_options
@click.pass_context
def check(ctx: click.Context, images: tuple[str, ...], checksum: str | None) -> int:
    """Fetch, verify and look into IMAGES, as a deploy does first.

    IMAGES are names in the inventory, paths or URLs; all of the inventory's
    where none is given. Nodes that take an image must be able to boot it.
    """
    settings = settings_of(ctx)
    inventory = _inventory(settings)
    failed: list[BmctlError] = []
    facts = []
    for source in _sources(images, checksum, inventory):
        try:
            facts.append(_check(source, inventory, settings))
        except BmctlError as error:
            failed.append(error)
            facts.append({"name": source.name, "error": error.message, "hint": error.hint})
            if not settings.json:
                _tell(error)
    if settings.json:
        click.echo(json.dumps(facts, indent=2))
    return failed[0].exit_code if failed else ExitCode.DONE


def _tell(error: BmctlError) -> None:
    click.echo(f"error: {error.message}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


def _check(source: ImageSource, inventory: Inventory | None, settings: Settings) -> dict[str, Any]:
    from bmctl.images.inside import check_bootable
    from bmctl.images.weakness import warnings_of

    prepared = _prepare(source, settings)
    nodes = [node for node in inventory.nodes if node.image == source] if inventory else []
    for node in nodes:
        check_bootable(prepared, node)
    facts = _facts(prepared, nodes) | {"warnings": list(warnings_of(source))}
    if not settings.json:
        _show(facts)
    return facts


def _show(facts: dict[str, Any]) -> None:
    partitions = facts["partitions"]
    texts = facts | {
        "format": _format(facts["format"], facts["compression"]),
        "compression": None,
        "source": facts["source"] + ("" if facts["verified"] else " (computed here: nothing vouches for it)"),
        "verified": None,
        "size": size(facts["size"]),
        "partitions": f"{len(partitions['sizes'])} ({partitions['kind']})" if partitions else "none",
        "warnings": None,
    }
    show_pairs((name.replace("_", " "), value) for name, value in texts.items())
    click.echo()
    for warning in facts["warnings"]:
        click.echo(f"warning: {warning}", err=True)


def _prepare(source: ImageSource, settings: Settings) -> PreparedImage:
    from bmctl.images.prepare import prepare
    from bmctl.images.progress import ImageProgress

    with show_building(f"image {source.name}", settings) as progress:

        def tell(seen: ImageProgress) -> None:
            progress(str(seen.stage), seen.done / seen.total if seen.total else None)

        return asyncio.run(prepare(source, cache=_directory(settings), progress=tell))


def _facts(image: PreparedImage, nodes: list[Node]) -> dict[str, Any]:
    table = image.partitions
    sizes = [partition.size for partition in table.partitions] if table else []
    return {
        "name": image.name,
        "format": image.format,
        "compression": image.compression,
        "source": str(image.source_checksum),
        "verified": image.verified,
        "signed_by": image.signer,
        "size": image.size,
        "digest": str(image.checksum),
        "partitions": {"kind": table.kind, "sizes": sizes} if table else None,
        "is": image.lone_part,
        "boots_in": _boot_modes(image),
        "taken_by": [node.name for node in nodes],
        "kept_as": str(image.path),
    }


def _format(form: str, compression: str | None) -> str:
    return f"{form} in {compression}" if compression else form


def _boot_modes(image: PreparedImage) -> list[str]:
    machines = sorted({loader.machine for loader in image.loaders if loader.machine})
    uefi = [f"uefi ({', '.join(machines)})"] if machines else []
    return [*uefi, *(["bios"] if image.partitions and image.partitions.boot_code else [])]


def _inventory(settings: Settings) -> Inventory | None:
    """The inventory, or None where there is none and nobody asked for one."""
    if settings.inventory_path is None and not settings.find_inventory().exists():
        return None
    return settings.load_inventory()


def _sources(names: tuple[str, ...], checksum: str | None, inventory: Inventory | None) -> list[ImageSource]:
    if not names:
        if inventory is None:
            raise InvalidError("no image is named", hint="name a path or URL, or an inventory with -i FILE")
        return list(inventory.images.values())
    return [_source(name, checksum, inventory) for name in names]


def _source(text: str, checksum: str | None, inventory: Inventory | None) -> ImageSource:
    from bmctl.images.fetch import file_name, is_url
    from bmctl.model.image import ImageSource

    if inventory is not None and text in inventory.images:
        return inventory.images[text]
    if "/" not in text and not Path(text).exists():
        known = ", ".join(inventory.images) if inventory else ""
        raise InvalidError(
            f'"{text}" is no image of the inventory and no file here',
            hint=f"the inventory has: {known}" if known else None,
        )
    source = text if is_url(text) else str(Path(text).absolute())
    return ImageSource(name=file_name(source), source=source, checksum=_place(checksum))


def _place(checksum: str | None) -> str | None:
    """A checksum file's path is relative to where the command runs."""
    return str(Path(checksum).absolute()) if checksum and Path(checksum).is_file() else checksum


@command.command("list", epilog=EPILOG)
@common_options
@click.pass_context
def list_all(ctx: click.Context) -> None:
    """List the images that are kept, unpacked and converted, in the cache."""
    settings = settings_of(ctx)
    found = _cache(settings).entries()
    if settings.json:
        click.echo(json.dumps([_kept_facts(entry, used) for entry, used in found], indent=2))
        return
    show_table(
        ("image", "from", "disk size", "takes", "last used"),
        [
            (
                entry.name or "?",
                _format(entry.format, entry.compression),
                size(entry.size),
                size(_taken(entry)),
                f"{duration(max(time.time() - used, 0))} ago",
            )
            for entry, used in found
        ],
    )


@command.command(epilog=EPILOG)
@click.option(
    "--unused",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="Not taken for DAYS.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@common_options
@click.pass_context
def prune(ctx: click.Context, unused: int, dry_run: bool) -> None:
    """Remove images from the cache that no run has taken for a while.

    They are made again when they are needed. An image that a run is about to
    write must stay: with --unused 0, see that no bmctl runs.
    """
    settings = settings_of(ctx)
    cache = _cache(settings)
    before = time.time() - unused * DAY
    old = [entry for entry, used in cache.entries() if used <= before]
    sizes = {entry.path: _taken(entry) for entry in old}
    gone = [entry for entry in old if dry_run or cache.drop(entry)]
    if settings.json:
        click.echo(json.dumps([{"name": entry.name, "path": str(entry.path)} for entry in gone], indent=2))
        return
    verb = "would go" if dry_run else "removed"
    for entry in gone:
        click.echo(f"{entry.name or entry.path.name}: {verb}, {size(sizes[entry.path])}")
    click.echo(f"{len(gone)} {'image' if len(gone) == 1 else 'images'} {verb}", err=True)


def _cache(settings: Settings) -> ImageCache:
    from bmctl.images.cache import ImageCache

    return ImageCache(_directory(settings))


def _directory(settings: Settings) -> Path:
    return settings.find_cache() / "images"


def _taken(entry: Entry) -> int:
    """Bytes on disk, which are fewer than the disk's size where it is empty."""
    with suppress(OSError):
        return entry.path.stat().st_blocks * 512
    return 0


def _kept_facts(entry: Entry, used: float) -> dict[str, Any]:
    return {
        "name": entry.name,
        "path": str(entry.path),
        "format": entry.format,
        "compression": entry.compression,
        "size": entry.size,
        "taken": _taken(entry),
        "sha256": entry.sha256,
        "source_sha256": entry.source_sha256,
        "last_used": round(used),
    }
