"""The NODES argument: which nodes of the inventory a command works on, and completing their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bmctl.commands.settings import DEFAULT_INVENTORY, Settings, settings_of

if TYPE_CHECKING:
    from bmctl.inventory import Inventory
    from bmctl.model.node import Node

F = TypeVar("F", bound=Callable[..., Any])


def nodes_argument(*, required: bool = False) -> Callable[[F], F]:
    """Node names or patterns (`rack1-*`), and `-g/--group`; with neither, all nodes unless `required`."""

    def decorate(function: F) -> F:
        function = click.option(
            "-g", "--group", "groups", multiple=True, metavar="GROUP", help="Nodes of this group; repeatable."
        )(function)
        metavar = "NODE..." if required else "[NODE]..."
        return click.argument(
            "names", nargs=-1, required=required, metavar=metavar, shell_complete=complete_nodes
        )(function)

    return decorate


def select(
    settings: Settings, names: tuple[str, ...], groups: tuple[str, ...]
) -> tuple[Inventory, tuple[Node, ...]]:
    """The inventory and the nodes that are meant; warnings of the inventory are shown."""
    from bmctl.commands.errors_shown import show_warning

    inventory = settings.load_inventory()
    for problem in inventory.warnings:
        show_warning(str(problem))
    return inventory, inventory.select(names, groups=groups)


def complete_nodes(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Node names for the shell; an inventory that cannot be read completes to nothing."""
    settings = settings_of(ctx)
    path = settings.inventory_path or Path(settings.environment.get("BMCTL_INVENTORY", DEFAULT_INVENTORY))
    try:
        names = _names_in(path)
    except Exception:  # noqa: BLE001 - a shell that completes must not print tracebacks
        return []
    return [name for name in names if name.startswith(incomplete)]


def _names_in(path: Path) -> list[str]:
    """The names of an inventory's nodes, without judging the rest of it."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - BaseLoader makes only text
    nodes = document.get("nodes", ())
    if isinstance(nodes, dict):
        return list(nodes)
    return [node["name"] for node in nodes if isinstance(node, dict) and "name" in node]
