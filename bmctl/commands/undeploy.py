"""`bmctl undeploy`: take machines out of use."""

from __future__ import annotations

import click

from bmctl.commands.asked import all_option, chosen, yes_option
from bmctl.commands.conducting import Conducting, conduct, running_options
from bmctl.commands.nodes import nodes_argument
from bmctl.commands.planning import confirm
from bmctl.commands.settings import common_options, settings_of

EPILOG = """\b
Examples:
  bmctl undeploy n1               asks, switches off, cleans
  bmctl undeploy n1 n2 --yes
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@all_option
@yes_option
@running_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    everything: bool,
    yes: bool,
    leave_running: bool,
    at_once: int,
    hold_before: tuple[str, ...],
    advertise: str | None,
    listen_port: int,
) -> int:
    """Take machines out of use.

    What runs on them is stopped, and their disks are cleaned as by bmctl clean,
    unless the inventory says cleaning.automated: false. They are available
    afterwards.

    """
    from bmctl.conduct.conductor import Options
    from bmctl.flows.request import Request, Verb
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = chosen(settings, names, groups, everything=everything, verb="undeploy")
    request = Request(verb=Verb.UNDEPLOY)
    confirm(settings, inventory, nodes, request, yes=yes)
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="undeploy",
        options=Options(leave_running=leave_running, at_once=at_once),
        serving=Serving(port=listen_port, advertise=advertise),
        hold_before=hold_before,
    )
    return conduct(conducting, lambda conductor, nodes: conductor.run(nodes, request))
