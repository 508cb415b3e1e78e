"""`bmctl schema`: the inventory's JSON Schema, for editors and checks."""

from __future__ import annotations

import json

import click

from bmctl.commands.settings import common_options

EPILOG = """\b
Examples:
  bmctl schema > inventory.schema.json
"""


@click.command(epilog=EPILOG)
@common_options
def command() -> None:
    """Print the inventory's JSON Schema (draft 2020-12)."""
    from bmctl.inventory.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
