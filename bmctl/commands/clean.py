"""`bmctl clean`: clean machines, by themselves or by given steps."""

from __future__ import annotations

from pathlib import Path

import click

from bmctl.commands.asked import asked_steps, step_options, yes_option
from bmctl.commands.plan_verb import Asked, plan_verb
from bmctl.commands.planning import confirm

EPILOG = """\b
Examples:
  bmctl clean n1                  what is due by itself; available afterwards
  bmctl clean n1 --step deploy.erase_devices_metadata --step hold
  bmctl clean n1 --step 'management.set_boot_mode mode=uefi'
  bmctl clean n1 --steps steps.yaml
  bmctl clean -g rack1 --runbook refresh --yes
"""


@click.command(epilog=EPILOG)
@plan_verb("clean", step_options, yes_option)
def command(
    asked: Asked,
    *,
    words: tuple[str, ...],
    steps_file: Path | None,
    runbook: str | None,
    disable_ramdisk: bool,
    yes: bool,
) -> int:
    """Clean machines, by themselves or by given steps.

    Without steps, automated cleaning: what the agent and the controller do by
    themselves, in order of priority; partition tables and signatures of all
    disks are wiped, and the node is available afterwards. With steps or a
    runbook, manual cleaning: those alone, in that order, and the node is
    manageable afterwards. The ramdisk is booted only where a step needs it.
    """
    from bmctl.flows.request import Request, Verb

    steps = asked_steps(words, steps_file)
    if steps and runbook is not None:
        raise click.UsageError("give steps or a runbook, not both")
    request = Request(
        verb=Verb.CLEAN if steps or runbook is not None else Verb.PROVIDE,
        steps=steps,
        runbook=runbook,
        disable_ramdisk=disable_ramdisk,
    )
    confirm(asked.settings, asked.inventory, asked.nodes, request, yes=yes)
    return asked.run(request)
