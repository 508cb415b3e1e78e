"""`bmctl ramdisk`: build and keep deploy ramdisks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.commands.tables import show_pairs, show_table
from bmctl.model.amounts import size

if TYPE_CHECKING:
    from bmctl.ramdisk.progress import Progress
    from bmctl.ramdisk.record import Ramdisk

EPILOG = """\b
Examples:
  bmctl ramdisk build             made once, then found in the cache
  bmctl ramdisk use --name ours vmlinuz ipa.initramfs
  bmctl ramdisk list
  bmctl ramdisk show ours
  bmctl ramdisk default ours
  bmctl ramdisk remove ours
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Build and keep deploy ramdisks.

    A deploy takes the node's ramdisk (ramdisk: in the inventory) or the default.
    """


@command.command(epilog=EPILOG)
@click.option("--name", help="Name to keep it under (default: the distribution's, as in debian-12).")
@click.option("--refresh", is_flag=True, help="Look for newer packages now.")
@click.option("--package", "packages", multiple=True, metavar="NAME", help="One more package; repeatable.")
@common_options
@click.pass_context
def build(ctx: click.Context, name: str | None, refresh: bool, packages: tuple[str, ...]) -> None:
    """Build a small ramdisk with the released ironic-python-agent.

    Made from the packages of this host's distribution; takes a minute or two,
    and no time where nothing has changed since.
    """
    from bmctl.commands.building import show_building
    from bmctl.ramdisk.build import build as build_ramdisk

    settings = settings_of(ctx)
    with show_building("ramdisk", settings) as progress:

        def tell(stage: Progress) -> None:
            progress(stage.stage, stage.done / stage.total if stage.total else None)

        ramdisk = build_ramdisk(
            _shelf(settings),
            environment=settings.environment,
            name=name,
            packages=packages,
            refresh=refresh,
            tell=tell,
        )
    _show(settings, ramdisk)


@command.command(epilog=EPILOG)
@click.option("--name", default="given", show_default=True, help="Name to keep it under.")
@click.option("--default", "as_default", is_flag=True, help="Make it the default.")
@click.argument("kernel", type=click.Path(path_type=Path))
@click.argument("initramfs", type=click.Path(path_type=Path))
@common_options
@click.pass_context
def use(ctx: click.Context, name: str, as_default: bool, kernel: Path, initramfs: Path) -> None:
    """Keep somebody else's KERNEL and INITRAMFS.

    It must carry ironic-python-agent, and glean or the like that takes its
    network from the boot medium.
    """
    from bmctl.ramdisk.shelf import choose, list_ramdisks
    from bmctl.ramdisk.shelf import use as take_in

    settings = settings_of(ctx)
    first = not list_ramdisks(_shelf(settings))
    ramdisk = take_in(_shelf(settings), name=name, kernel=kernel, initramfs=initramfs)
    if as_default or first:
        choose(_shelf(settings), name)
    _show(settings, ramdisk)


@command.command("list", epilog=EPILOG)
@common_options
@click.pass_context
def list_all(ctx: click.Context) -> None:
    """List the ramdisks that are kept; a star marks the default."""
    from bmctl.ramdisk.shelf import default_name, list_ramdisks

    settings = settings_of(ctx)
    shelf = _shelf(settings)
    default = default_name(shelf)
    found = list_ramdisks(shelf)
    if settings.json:
        click.echo(json.dumps([_facts(one, default=one.name == default) for one in found], indent=2))
        return
    show_table(
        ("", "name", "origin", "agent", "kernel", "size", "digest"),
        [
            (
                "*" if one.name == default else "",
                one.name,
                one.origin,
                one.agent_version or "?",
                one.kernel_version or "?",
                size(one.kernel_size + one.initramfs_size),
                one.digest[:16],
            )
            for one in found
        ],
    )


@command.command(epilog=EPILOG)
@click.argument("name", required=False)
@common_options
@click.pass_context
def show(ctx: click.Context, name: str | None) -> None:
    """Show one ramdisk, the default where none is named."""
    from bmctl.ramdisk.shelf import find

    settings = settings_of(ctx)
    _show(settings, find(_shelf(settings), name))


@command.command("default", epilog=EPILOG)
@click.argument("name")
@common_options
@click.pass_context
def set_default(ctx: click.Context, name: str) -> None:
    """Make a ramdisk the default."""
    from bmctl.ramdisk.shelf import choose

    choose(_shelf(settings_of(ctx)), name)


@command.command(epilog=EPILOG)
@click.argument("name")
@common_options
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Forget a ramdisk, and its files where nothing else means them."""
    from bmctl.ramdisk.shelf import remove as forget

    forget(_shelf(settings_of(ctx)), name)


def _shelf(settings: Settings) -> Path:
    return settings.find_cache() / "ramdisks"


def _show(settings: Settings, ramdisk: Ramdisk) -> None:
    facts = _facts(ramdisk)
    if settings.json:
        click.echo(json.dumps(facts, indent=2))
    else:
        show_pairs((name.replace("_", " "), value) for name, value in facts.items())


def _facts(ramdisk: Ramdisk, **more: object) -> dict[str, object]:
    return {
        "name": ramdisk.name,
        "origin": ramdisk.origin.value,
        "agent_version": ramdisk.agent_version,
        "kernel_version": ramdisk.kernel_version,
        "kernel": str(ramdisk.kernel),
        "kernel_size": ramdisk.kernel_size,
        "initramfs": str(ramdisk.initramfs),
        "initramfs_size": ramdisk.initramfs_size,
        "digest": ramdisk.digest,
        **more,
    }
