"""`bmctl deploy`: bring machines to a booted operating system."""

from __future__ import annotations

from pathlib import Path

import click

from bmctl.commands.asked import all_option, asked_steps, chosen, steps_file_option
from bmctl.commands.conducting import Conducting, conduct, running_options
from bmctl.commands.nodes import nodes_argument
from bmctl.commands.settings import common_options, settings_of

EPILOG = """\b
Examples:
  bmctl deploy n1 n2              two machines side by side
  bmctl deploy -g rack1           every node of a group
  bmctl deploy n1 --rebuild       again, over a system that runs
  bmctl deploy n1 --hold-before deploy.write_image
  bmctl deploy --all --json       all nodes, events as JSON lines
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@all_option
@click.option("--rebuild", is_flag=True, help="Also nodes that are active: what runs on them is lost.")
@steps_file_option
@running_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    everything: bool,
    rebuild: bool,
    steps_file: Path | None,
    leave_running: bool,
    at_once: int,
    hold_before: tuple[str, ...],
    advertise: str | None,
    listen_port: int,
) -> int:
    """Bring machines to a booted operating system.

    Each node's image and controller are checked first; no machine is touched
    before all were looked at. Everything on the chosen disk is lost. Templates
    of the traits that a node requests join the steps, and those of --steps,
    which need a priority each. A run that was cut off goes on with: bmctl resume
    """
    from bmctl.conduct.conductor import Options
    from bmctl.flows.request import Request, Verb
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = chosen(settings, names, groups, everything=everything, verb="deploy")
    request = Request(verb=Verb.DEPLOY, rebuild=rebuild, steps=asked_steps((), steps_file))
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="deploy",
        options=Options(leave_running=leave_running, at_once=at_once),
        serving=Serving(port=listen_port, advertise=advertise),
        hold_before=hold_before,
    )
    return conduct(conducting, lambda conductor, nodes: conductor.run(nodes, request))
