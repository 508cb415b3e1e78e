"""`bmctl hold`: have runs stop before a step, until they are told to go on."""

from __future__ import annotations

import click

from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.settings import common_options, settings_of

EPILOG = """\b
Examples:
  bmctl hold n1 --before deploy.write_image
  bmctl hold n1 --before agent.run_step:deploy.erase_devices_metadata
  bmctl unhold n1                 go on from there
"""


@click.command(epilog=EPILOG)
@nodes_argument(required=True)
@click.option(
    "--before",
    "steps",
    multiple=True,
    required=True,
    metavar="STEP",
    help="A step or task as bmctl plan names it; repeatable.",
)
@common_options
@click.pass_context
def command(
    ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...], steps: tuple[str, ...]
) -> None:
    """Have runs stop before a step, until they are told to go on.

    It counts for the run that is under way, also one of another bmctl, or for
    the next one. A held machine stays as it is, with its ramdisk running.
    """
    from bmctl.conduct.helm import NodeHelm

    settings = settings_of(ctx)
    _, nodes = select(settings, names, groups)
    store = settings.open_store()
    for node in nodes:
        helm = NodeHelm(store, node.name)
        for step in steps:
            helm.hold_before(step)
        click.echo(f"{node.name}: holds before {', '.join(helm.holds())}")
