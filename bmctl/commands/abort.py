"""`bmctl abort`: end runs before their time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from bmctl.commands.conducting import Conducting, conduct
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import ExitCode, InvalidError
from bmctl.model.node import Node

if TYPE_CHECKING:
    from bmctl.inventory import Inventory

EPILOG = """\b
Examples:
  bmctl abort n1                  also another bmctl's run, or a held one
"""
LOOK_EVERY = 0.3


@click.command(epilog=EPILOG)
@nodes_argument(required=True)
@common_options
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> int:
    """End runs before their time.

    A step that can be cut off is; another ends first. The machine is switched
    off then, its medium is taken out, and the node's state says that it failed.
    A node in service goes back to being in use, and its machine is started.
    """
    settings = settings_of(ctx)
    inventory, nodes = select(settings, names, groups)
    running = tuple(node for node in nodes if _is_run(settings, node))
    resting = tuple(node for node in nodes if node not in running)
    for node in running:
        _ask(settings, node)
    code = _end(settings, inventory, resting) if resting else ExitCode.DONE
    for node in running:
        _wait(settings, node)
    return code


def _end(settings: Settings, inventory: Inventory, nodes: tuple[Node, ...]) -> int:
    """End the runs on which nobody works."""
    from bmctl.conduct.conductor import Options
    from bmctl.wire import Serving

    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="abort",
        options=Options(),
        serving=Serving(),
    )
    return conduct(conducting, lambda conductor, nodes: conductor.abort(nodes))


def _is_run(settings: Settings, node: Node) -> bool:
    from bmctl.store.record import node_key

    return settings.open_store().holder(node_key(node.name)) is not None


def _ask(settings: Settings, node: Node) -> None:
    from bmctl.conduct.helm import NodeHelm
    from bmctl.conduct.standing import UNDER_WAY
    from bmctl.store.owner import this_process
    from bmctl.store.record import get_node

    store = settings.open_store()
    stored = get_node(store, node.name)
    if stored is None or stored.record.provision_state not in UNDER_WAY:
        raise InvalidError(
            f"{node.name}: another bmctl looks at it and has not begun to change it",
            hint="end that with Ctrl-C, or try again in a moment",
        )
    NodeHelm(store, node.name).ask_abort(str(this_process("bmctl abort", since=time.time())))
    click.echo(f"{node.name}: asked the run to end", err=True)


def _wait(settings: Settings, node: Node) -> None:
    """Return once the run has ended and its machine was tidied up."""
    from bmctl.store.record import get_node

    while _is_run(settings, node):
        time.sleep(LOOK_EVERY)
    stored = get_node(settings.open_store(), node.name)
    state = stored.record.provision_state if stored is not None else "unknown"
    click.echo(f"{node.name}: aborted, now {state}")
