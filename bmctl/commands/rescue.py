"""`bmctl rescue`: boot machines into a system that one can log in to, leaving their disks alone."""

from __future__ import annotations

from typing import TextIO

import click

from bmctl.commands.asked import all_option, chosen
from bmctl.commands.conducting import Conducting, conduct, running_options
from bmctl.commands.nodes import nodes_argument
from bmctl.commands.settings import common_options, settings_of
from bmctl.errors import InvalidError

EPILOG = """\b
Examples:
  bmctl rescue n1                 prints a password; then: ssh rescue@ADDRESS
  bmctl rescue n1 --password-file secret.txt
  bmctl unrescue n1               back to the machine's own system
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@all_option
@click.option(
    "--password-file",
    type=click.File(),
    metavar="FILE",
    help="Holds the password to set (- for stdin; default: a new one for each node).",
)
@running_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    everything: bool,
    password_file: TextIO | None,
    leave_running: bool,
    at_once: int,
    hold_before: tuple[str, ...],
    advertise: str | None,
    listen_port: int,
) -> int:
    """Boot machines into a system that one can log in to.

    What runs on them is shut down; their disks are not written. One logs in as
    user rescue with the password, at the node's own address.
    """
    from bmctl.conduct.conductor import Options
    from bmctl.flows.request import Request, Verb
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = chosen(settings, names, groups, everything=everything, verb="rescue")
    password = _password(password_file)
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="rescue",
        options=Options(leave_running=leave_running, at_once=at_once, rescue_password=password),
        serving=Serving(port=listen_port, advertise=advertise),
        hold_before=hold_before,
    )
    request = Request(verb=Verb.RESCUE)
    return conduct(conducting, lambda conductor, nodes: conductor.run(nodes, request))


def _password(source: TextIO | None) -> str | None:
    if source is None:
        return None
    password = source.readline().rstrip("\r\n")
    if not password:
        raise InvalidError("the password file is empty", hint="write the password on its first line")
    return password
