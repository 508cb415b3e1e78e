"""`bmctl clean`: clean machines, by themselves or by given steps."""

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
  bmctl clean n1                  what is due by itself; available afterwards
  bmctl clean n1 --step deploy.erase_devices_metadata --step hold
  bmctl clean n1 --step 'management.set_boot_mode mode=uefi'
  bmctl clean n1 --steps steps.yaml
  bmctl clean -g rack1 --runbook refresh --yes
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
    """Clean machines, by themselves or by given steps.

    Without steps, automated cleaning: what the agent and the controller do by
    themselves, in order of priority; partition tables and signatures of all
    disks are wiped, and the node is available afterwards. With steps or a
    runbook, manual cleaning: those alone, in that order, and the node is
    manageable afterwards. The ramdisk is booted only where a step needs it.

    """
    from bmctl.conduct.conductor import Options
    from bmctl.flows.request import Request, Verb
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = chosen(settings, names, groups, everything=everything, verb="clean")
    steps = asked_steps(words, steps_file)
    if steps and runbook is not None:
        raise click.UsageError("give steps or a runbook, not both")
    request = Request(
        verb=Verb.CLEAN if steps or runbook is not None else Verb.PROVIDE,
        steps=steps,
        runbook=runbook,
        disable_ramdisk=disable_ramdisk,
    )
    confirm(settings, inventory, nodes, request, yes=yes)
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="clean",
        options=Options(leave_running=leave_running, at_once=at_once),
        serving=Serving(port=listen_port, advertise=advertise),
        hold_before=hold_before,
    )
    return conduct(conducting, lambda conductor, nodes: conductor.run(nodes, request))
