"""`bmctl resume`: go on with runs that were cut off, held or failed."""

from __future__ import annotations

import click

from bmctl.commands.conducting import Conducting, conduct, last_outcome, serving_options
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import ExitCode
from bmctl.model.node import Node

EPILOG = """\b
Examples:
  bmctl resume                    every run that is not done
  bmctl resume n1                 only n1's
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@click.option("--redo", metavar="TASK", help="Run this interrupted task again (see the error that asked).")
@click.option("--leave-running", is_flag=True, help="Leave the ramdisk running where a run fails.")
@serving_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    redo: str | None,
    leave_running: bool,
    advertise: str | None,
    listen_port: int,
) -> int:
    """Go on with runs that were cut off, held or failed.

    What is done stays done: an image that was written is not written again. A
    command that still runs on the agent is taken up where it is. Runs that are
    held go on only where their nodes are named.
    """
    from bmctl.conduct.conductor import Options
    from bmctl.wire import Serving

    settings = settings_of(ctx)
    inventory, nodes = select(settings, names, groups)
    if not names:
        nodes = tuple(node for node in nodes if _is_unfinished(settings, node))
    if not nodes:
        click.echo("there is no unfinished run", err=True)
        return ExitCode.DONE
    conducting = Conducting(
        settings=settings,
        inventory=inventory,
        nodes=nodes,
        verb="resume",
        options=Options(redo=redo, leave_running=leave_running),
        serving=Serving(port=listen_port, advertise=advertise),
    )
    return conduct(conducting, lambda conductor, nodes: conductor.resume(nodes))


def _is_unfinished(settings: Settings, node: Node) -> bool:
    from bmctl.store.record import node_key

    run, outcome = last_outcome(settings, node)
    if run is None or settings.open_store().holder(node_key(node.name)) is not None:
        return False
    return outcome not in {"done", "aborted", "held"}
