"""`bmctl service`: run steps on machines that are in use."""

from __future__ import annotations

from pathlib import Path

import click

from bmctl.commands.asked import all_option, asked_steps, chosen, step_options, yes_option
from bmctl.commands.conducting import Conducting, conduct, running_options
from bmctl.commands.nodes import nodes_argument
from bmctl.commands.planning import confirm
from bmctl.commands.settings import common_options, settings_of

EPILOG = """\b
Examples:
  bmctl service n1 --runbook refresh
  bmctl service n1 --step 'management.set_boot_mode mode=uefi'
  bmctl service n1 --step power_off --step wait --step power_on
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@all_option
@step_options
@yes_option
@running_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    everything: bool,
    words: tuple[str, ...],
    steps_file: Path | None,
    runbook: str | None,
    disable_ramdisk: bool,
    yes: bool,
    leave_running: bool,
    at_once: int,
    hold_before: tuple[str, ...],
    advertise: str | None,
    listen_port: int,
) -> int:
    """Run steps on machines that are in use.

    The steps run in the order given. Where one needs the ramdisk, what runs on
    the machine is shut down, and started again from its disk at the end.

    """
    from bmctl.conduct.conductor import Options
    from bmctl.flows.request import Request, Verb
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = chosen(settings, names, groups, everything=everything, verb="service")
    steps = asked_steps(words, steps_file)
    if bool(steps) == (runbook is not None):
        raise click.UsageError("name the steps with --step or --steps, or a --runbook")
    request = Request(verb=Verb.SERVICE, steps=steps, runbook=runbook, disable_ramdisk=disable_ramdisk)
    confirm(settings, inventory, nodes, request, yes=yes)
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="service",
        options=Options(leave_running=leave_running, at_once=at_once),
        serving=Serving(port=listen_port, advertise=advertise),
        hold_before=hold_before,
    )
    return conduct(conducting, lambda conductor, nodes: conductor.run(nodes, request))
