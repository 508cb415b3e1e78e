"""`bmctl unhold`: let runs that are held go on."""

from __future__ import annotations

import click

from bmctl.commands.conducting import Conducting, conduct, last_outcome, serving_options
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import ExitCode, InvalidError
from bmctl.model.node import Node

EPILOG = """\b
Examples:
  bmctl unhold n1                 goes on with the step after the hold
"""


@click.command(epilog=EPILOG)
@nodes_argument(required=True)
@click.option("--leave-running", is_flag=True, help="Leave the ramdisk running where a run fails.")
@serving_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    leave_running: bool,
    advertise: str | None,
    listen_port: int,
) -> int:
    """Let runs that are held go on.

    Holds that were asked for and not reached yet are taken back where no run is
    held.
    """
    from bmctl.conduct.conductor import Options
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = select(settings, names, groups)
    held = tuple(node for node in nodes if last_outcome(settings, node)[1] == "held")
    for node in nodes:
        if node not in held:
            _take_back(settings, node)
    if not held:
        return ExitCode.DONE
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=held,
        verb="unhold",
        options=Options(leave_running=leave_running),
        serving=Serving(port=listen_port, advertise=advertise),
    )
    return conduct(conducting, lambda conductor, nodes: conductor.resume(nodes))


def _take_back(settings: Settings, node: Node) -> None:
    from bmctl.conduct.helm import NodeHelm

    gone = NodeHelm(settings.open_store(), node.name).release()
    if not gone:
        raise InvalidError(
            f"{node.name} is not held, and no hold was asked for",
            hint=f"see what it is doing with: bmctl node show {node.name}",
        )
    click.echo(f"{node.name}: will not hold before {', '.join(gone)}")
