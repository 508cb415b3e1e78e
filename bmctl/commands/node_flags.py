"""`bmctl node maintenance|protect|unprotect|retire|unretire`: what operators say of a node."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from bmctl.commands.errors_shown import show_error
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.settings import common_options, settings_of
from bmctl.errors import BmctlError, ExitCode

if TYPE_CHECKING:
    from bmctl.model.node import Node
    from bmctl.store.filestore import FileStore
    from bmctl.store.record import NodeRecord

NO_REASON = "no reason given"

EPILOG = """\b
Examples:
  bmctl node maintenance n1 on --reason "fan 3 is loud"
  bmctl node maintenance n1 off
  bmctl node protect n1 --reason "the build server"
  bmctl node unprotect n1
  bmctl node retire n1 --reason "out of warranty"
  bmctl node unretire n1
"""

reason_option = click.option("--reason", metavar="TEXT", help="Why; shown by node show.")


@click.command(epilog=EPILOG)
@nodes_argument(required=True)
@click.argument("switch", metavar="on|off", type=click.Choice(["on", "off"]))
@reason_option
@common_options
@click.pass_context
def maintenance(
    ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...], switch: str, reason: str | None
) -> int:
    """Take nodes out of use for repair, or back.

    A node in maintenance is not deployed. What is under way goes on.
    """
    from bmctl.store.flags import set_maintenance

    wanted = (reason or NO_REASON) if switch == "on" else None
    return _change(ctx, names, groups, lambda record: set_maintenance(record, wanted))


@click.command(epilog=EPILOG)
@nodes_argument(required=True)
@reason_option
@common_options
@click.pass_context
def protect(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...], reason: str | None) -> int:
    """Refuse whatever would destroy what runs on these active nodes."""
    from bmctl.store.flags import set_protected

    return _change(ctx, names, groups, lambda record: set_protected(record, reason or NO_REASON))


@click.command(epilog=EPILOG)
@nodes_argument(required=True)
@common_options
@click.pass_context
def unprotect(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> int:
    """Take the protection away."""
    from bmctl.store.flags import set_protected

    return _change(ctx, names, groups, lambda record: set_protected(record, None))


@click.command(epilog=EPILOG)
@nodes_argument(required=True)
@reason_option
@common_options
@click.pass_context
def retire(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...], reason: str | None) -> int:
    """Let nodes not become available again once they are free."""
    from bmctl.store.flags import set_retired

    return _change(ctx, names, groups, lambda record: set_retired(record, reason or NO_REASON))


@click.command(epilog=EPILOG)
@nodes_argument(required=True)
@common_options
@click.pass_context
def unretire(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> int:
    """Let retired nodes become available again."""
    from bmctl.store.flags import set_retired

    return _change(ctx, names, groups, lambda record: set_retired(record, None))


def _change(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    change: Callable[[NodeRecord], NodeRecord],
) -> int:
    """Change each node's record, also while a run is at work on it, and tell how it is flagged now."""
    settings = settings_of(ctx)
    _, nodes = select(settings, names, groups)
    store = settings.open_store()
    told: list[NodeRecord] = []
    failed: list[BmctlError] = []
    for node in nodes:
        try:
            told.append(_changed(store, node, change))
        except BmctlError as error:
            failed.append(error)
            show_error(error, node=node.name)
    if settings.json:
        click.echo(json.dumps([_facts(record) for record in told], indent=2))
    else:
        for record in told:
            click.echo(_line(record))
    if not failed:
        return ExitCode.DONE
    return ExitCode.PARTIAL if told else failed[0].exit_code


def _changed(store: FileStore, node: Node, change: Callable[[NodeRecord], NodeRecord]) -> NodeRecord:
    from bmctl.store.record import update_node

    def changed(record: NodeRecord) -> NodeRecord:
        return replace(change(record.of_controller(node.bmc.key)), updated=time.time())

    return update_node(store, node.name, changed)


def _facts(record: NodeRecord) -> dict[str, object]:
    return {
        "node": record.name,
        "provision_state": record.provision_state.value,
        "maintenance": record.maintenance,
        "fault": record.fault,
        "protected": record.protected,
        "retired": record.retired,
    }


def _line(record: NodeRecord) -> str:
    from bmctl.store.flags import flag_words

    return f"{record.name}: {', '.join((record.provision_state.value, *flag_words(record)))}"
