"""`bmctl rescue`: boot machines into a system that one can log in to, leaving their disks alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

import click

from bmctl.commands.plan_verb import Asked, plan_verb
from bmctl.errors import InvalidError

EPILOG = """\b
Examples:
  bmctl rescue n1                 prints a password; then: ssh rescue@ADDRESS
  bmctl rescue n1 --password-file secret.txt
  bmctl unrescue n1               back to the machine's own system
"""


def password_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--password-file`."""
    return click.option(
        "--password-file",
        type=click.File(),
        metavar="FILE",
        help="Holds the password to set (- for stdin; default: a new one for each node).",
    )(function)


@click.command(epilog=EPILOG)
@plan_verb("rescue", password_option)
def command(asked: Asked, *, password_file: TextIO | None) -> int:
    """Boot machines into a system that one can log in to.

    What runs on them is shut down; their disks are not written. One logs in as
    user rescue with the password, at the node's own address.
    """
    from bmctl.flows.request import Request, Verb

    password = _password(password_file)
    request = Request(verb=Verb.RESCUE)
    return asked.run(request, rescue_password=password)


def _password(source: TextIO | None) -> str | None:
    if source is None:
        return None
    password = source.readline().rstrip("\r\n")
    if not password:
        raise InvalidError("the password file is empty", hint="write the password on its first line")
    return password
