"""`bmctl inventory`: check the inventory."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from bmctl.commands.settings import common_options, settings_of
from bmctl.errors import ExitCode

EPILOG = """\b
Examples:
  bmctl inventory check
  bmctl inventory check -i rack1.yaml --json
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Check the inventory."""


@command.command(epilog=EPILOG)
@common_options
@click.pass_context
def check(ctx: click.Context) -> int:
    """Show every mistake in the inventory, with its line and column.

    Ends with 3 where there is a mistake; warnings alone end with 0.
    """
    from bmctl.inventory import check as check_inventory
    from bmctl.inventory.problems import Level

    settings = settings_of(ctx)
    path = settings.find_inventory()
    problems = check_inventory(path)
    errors = [problem for problem in problems if problem.level is Level.ERROR]
    if settings.json:
        click.echo(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        if not errors:
            from bmctl.inventory import load

            count = len(load(path).nodes)
            click.echo(f"{path}: {count} {'node' if count == 1 else 'nodes'}, no mistakes")
    return ExitCode.INVALID if errors else ExitCode.DONE
