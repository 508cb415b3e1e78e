"""`bmctl unrescue`: bring machines from rescue back to their own system."""

from __future__ import annotations

import click

from bmctl.commands.plan_verb import Asked, plan_verb

EPILOG = """\b
Examples:
  bmctl unrescue n1
"""


@click.command(epilog=EPILOG)
@plan_verb("unrescue")
def command(asked: Asked) -> int:
    """Bring machines from rescue back to their own system.

    The rescue system is switched off and the machine boots its disk.
    """
    from bmctl.flows.request import Request, Verb

    request = Request(verb=Verb.UNRESCUE)
    return asked.run(request)
