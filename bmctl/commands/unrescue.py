"""`bmctl unrescue`: bring machines from rescue back to their own system."""

from __future__ import annotations

import click

from bmctl.commands.asked import all_option, chosen
from bmctl.commands.conducting import Conducting, conduct, running_options
from bmctl.commands.nodes import nodes_argument
from bmctl.commands.settings import common_options, settings_of

EPILOG = """\b
Examples:
  bmctl unrescue n1
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
    """Bring machines from rescue back to their own system.

    The rescue system is switched off and the machine boots its disk.

    """
    from bmctl.conduct.conductor import Options
    from bmctl.flows.request import Request, Verb
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = chosen(settings, names, groups, everything=everything, verb="unrescue")
    request = Request(verb=Verb.UNRESCUE)
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="unrescue",
        options=Options(leave_running=leave_running, at_once=at_once),
        serving=Serving(port=listen_port, advertise=advertise),
        hold_before=hold_before,
    )
    return conduct(conducting, lambda conductor, nodes: conductor.run(nodes, request))
