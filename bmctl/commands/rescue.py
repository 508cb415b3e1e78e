"""`bmctl rescue`: boot machines into a system that one can log in to, leaving their disks alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from bmctl.commands.asked import all_option, chosen
from bmctl.commands.conducting import Conducting, conducted, exit_code, running_options, sum_up
from bmctl.commands.nodes import nodes_argument
from bmctl.commands.settings import common_options, settings_of
from bmctl.errors import InvalidError

if TYPE_CHECKING:
    from bmctl.conduct.story import Outcome

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

    What runs on them is stopped; their disks are not written. One logs in as
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
    outcomes = conducted(conducting, lambda conductor, nodes: conductor.run(nodes, request))
    sum_up(settings, outcomes)
    if password is None:
        _show_passwords(outcomes, as_json=settings.json)
    return exit_code(outcomes)


def _password(source: TextIO | None) -> str | None:
    if source is None:
        return None
    password = source.readline().rstrip("\r\n")
    if not password:
        raise InvalidError("the password file is empty", hint="write the password on its first line")
    return password


def _show_passwords(outcomes: tuple[Outcome, ...], *, as_json: bool) -> None:
    """The new passwords, which are kept nowhere."""
    import json

    for outcome in outcomes:
        password = outcome.facts.get("rescue_password")
        if not outcome.ok or not password:
            continue
        address = str(outcome.node.network.address)
        if as_json:
            line = {"node": outcome.node.name, "kind": "rescue", "address": address, "password": password}
            click.echo(json.dumps(line))
        else:
            click.echo(f"{outcome.node.name}: ssh rescue@{address}  password {password}")
