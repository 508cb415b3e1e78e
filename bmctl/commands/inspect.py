"""`bmctl inspect`: look at machines through controller and agent."""

from __future__ import annotations

import click

from bmctl.commands.asked import all_option, chosen
from bmctl.commands.conducting import Conducting, conduct, running_options
from bmctl.commands.nodes import nodes_argument
from bmctl.commands.settings import common_options, settings_of

EPILOG = """\b
Examples:
  bmctl inspect n1                then: bmctl node inventory n1
  bmctl inspect -g rack1
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@all_option
@running_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    everything: bool,
    leave_running: bool,
    at_once: int,
    hold_before: tuple[str, ...],
    advertise: str | None,
    listen_port: int,
) -> int:
    """Look at machines through controller and agent.

    The ramdisk is booted, its agent tells hardware, disks with what is on them,
    and the steps it offers; all of it is remembered. Nothing is written.
    Machines that were on before are switched on again. See what was found with:
    bmctl node inventory

    """
    from bmctl.conduct.conductor import Options
    from bmctl.flows.request import Request, Verb
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = chosen(settings, names, groups, everything=everything, verb="inspect")
    request = Request(verb=Verb.INSPECT)
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="inspect",
        options=Options(leave_running=leave_running, at_once=at_once),
        serving=Serving(port=listen_port, advertise=advertise),
        hold_before=hold_before,
    )
    return conduct(conducting, lambda conductor, nodes: conductor.run(nodes, request))
