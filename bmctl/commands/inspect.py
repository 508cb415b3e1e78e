"""`bmctl inspect`: look at machines through controller and agent."""

from __future__ import annotations

import click

from bmctl.commands.plan_verb import Asked, plan_verb

EPILOG = """\b
Examples:
  bmctl inspect n1                then: bmctl node inventory n1
  bmctl inspect -g rack1
"""


@click.command(epilog=EPILOG)
@plan_verb("inspect")
def command(asked: Asked) -> int:
    """Look at machines through controller and agent.

    The ramdisk is booted, its agent tells hardware, disks with what is on them,
    and the steps it offers; all of it is remembered. Nothing is written.
    Machines that were on before are switched on again. See what was found with:
    bmctl node inventory
    """
    from bmctl.flows.request import Request, Verb

    request = Request(verb=Verb.INSPECT)
    return asked.run(request)
