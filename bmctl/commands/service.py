"""`bmctl service`: run steps on machines that are in use."""

from __future__ import annotations

from pathlib import Path

import click

from bmctl.commands.asked import asked_steps, step_options, yes_option
from bmctl.commands.plan_verb import Asked, plan_verb
from bmctl.commands.planning import confirm

EPILOG = """\b
Examples:
  bmctl service n1 --runbook refresh
  bmctl service n1 --step 'management.set_boot_mode mode=uefi'
  bmctl service n1 --step power_off --step wait --step power_on
"""


@click.command(epilog=EPILOG)
@plan_verb("service", step_options, yes_option)
def command(
    asked: Asked,
    *,
    words: tuple[str, ...],
    steps_file: Path | None,
    runbook: str | None,
    disable_ramdisk: bool,
    yes: bool,
) -> int:
    """Run steps on machines that are in use.

    The steps run in the order given. Where one needs the ramdisk, what runs on
    the machine is shut down, and started again from its disk at the end.
    """
    from bmctl.flows.request import Request, Verb

    steps = asked_steps(words, steps_file)
    if bool(steps) == (runbook is not None):
        raise click.UsageError("name the steps with --step or --steps, or a --runbook")
    request = Request(verb=Verb.SERVICE, steps=steps, runbook=runbook, disable_ramdisk=disable_ramdisk)
    confirm(asked.settings, asked.inventory, asked.nodes, request, yes=yes)
    return asked.run(request)
