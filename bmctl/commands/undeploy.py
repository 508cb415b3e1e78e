"""`bmctl undeploy`: take machines out of use."""

from __future__ import annotations

import click

from bmctl.commands.asked import yes_option
from bmctl.commands.plan_verb import Asked, plan_verb
from bmctl.commands.planning import confirm

EPILOG = """\b
Examples:
  bmctl undeploy n1               asks, switches off, cleans
  bmctl undeploy n1 n2 --yes
"""


@click.command(epilog=EPILOG)
@plan_verb("undeploy", yes_option)
def command(asked: Asked, *, yes: bool) -> int:
    """Take machines out of use.

    What runs on them is stopped, and their disks are cleaned as by bmctl clean,
    unless the inventory says cleaning.automated: false. They are available
    afterwards.
    """
    from bmctl.flows.request import Request, Verb

    request = Request(verb=Verb.UNDEPLOY)
    confirm(asked.settings, asked.inventory, asked.nodes, request, yes=yes)
    return asked.run(request)
