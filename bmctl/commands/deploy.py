"""`bmctl deploy`: bring machines to a booted operating system."""

from __future__ import annotations

import click

from bmctl.commands.deploying import conduct, serving_options
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.settings import common_options, settings_of
from bmctl.errors import InvalidError

EPILOG = """\b
Examples:
  bmctl deploy n1 n2              two machines side by side
  bmctl deploy -g rack1           every node of a group
  bmctl deploy n1 --rebuild       again, over a system that runs
  bmctl deploy --all --json       all nodes, events as JSON lines
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@click.option("--all", "everything", is_flag=True, help="Every node of the inventory.")
@click.option("--rebuild", is_flag=True, help="Also nodes that are active: what runs on them is lost.")
@click.option("--leave-running", is_flag=True, help="Leave the ramdisk running where a run fails.")
@click.option(
    "--at-once", type=click.IntRange(1), default=50, show_default=True, help="Machines worked on together."
)
@serving_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    everything: bool,
    rebuild: bool,
    leave_running: bool,
    at_once: int,
    advertise: str | None,
    listen_port: int,
) -> int:
    """Bring machines to a booted operating system.

    Each node's image and controller are checked first; no machine is touched
    before all were looked at. Everything on the chosen disk is lost. A run that
    was cut off goes on with: bmctl resume
    """
    from bmctl.conduct import Options
    from bmctl.wire import Serving

    if not names and not groups and not everything:
        raise click.UsageError("name the nodes to deploy, or say --all")
    settings = settings_of(ctx)
    inventory, nodes = select(settings, names, groups)
    if not nodes:
        raise InvalidError("the inventory has no nodes", hint=f"add one to {settings.find_inventory()}")
    return conduct(
        settings,
        inventory,
        nodes,
        verb="deploy",
        options=Options(rebuild=rebuild, leave_running=leave_running, at_once=at_once),
        serving=Serving(port=listen_port, advertise=advertise),
    )
