"""Options by which operators ask for steps, and the request that they make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.nodes import select
from bmctl.commands.settings import Settings
from bmctl.errors import InvalidError

if TYPE_CHECKING:
    from bmctl.inventory import Inventory
    from bmctl.model.node import Node
    from bmctl.model.steps import WantedStep


def step_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--step`, `--steps` and `--runbook`: what to run, in order."""
    function = click.option(
        "--disable-ramdisk", is_flag=True, help="Refuse steps that would need the ramdisk."
    )(function)
    function = click.option("--runbook", metavar="NAME", help="The steps of this runbook of the inventory.")(
        function
    )
    function = steps_file_option(function)
    return click.option(
        "--step",
        "words",
        multiple=True,
        metavar="STEP",
        help="A step with its arguments: 'INTERFACE.STEP NAME=VALUE ...'; repeatable.",
    )(function)


def steps_file_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--steps FILE`."""
    return click.option(
        "--steps",
        "steps_file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Steps from a YAML or JSON file, in order.",
    )(function)


def yes_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--yes`."""
    return click.option("--yes", is_flag=True, help="Do not ask before data is lost.")(function)


def asked_steps(words: tuple[str, ...], steps_file: Path | None) -> tuple[WantedStep, ...]:
    """The steps that were asked for on the command line, then those of the file."""
    from bmctl.inventory.step_list import read_step_list, read_step_words

    named = tuple(read_step_words(word) for word in words)
    return named + (read_step_list(steps_file) if steps_file is not None else ())


def chosen(
    settings: Settings, names: tuple[str, ...], groups: tuple[str, ...], *, everything: bool, verb: str
) -> tuple[Inventory, tuple[Node, ...]]:
    """The inventory and the nodes that are meant; all of them only where that was said."""
    if not names and not groups and not everything:
        raise click.UsageError(f"name the nodes to {verb}, or say --all")
    inventory, nodes = select(settings, names, groups)
    if not nodes:
        raise InvalidError("the inventory has no nodes", hint=f"add one to {settings.find_inventory()}")
    return inventory, nodes


def all_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--all`."""
    return click.option("--all", "everything", is_flag=True, help="Every node of the inventory.")(function)
