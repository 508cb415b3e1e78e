"""What `deploy` and `resume` share: conducting runs, showing them, and summing up."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.errors_shown import show_error
from bmctl.commands.running import run_async
from bmctl.commands.screen import show
from bmctl.commands.settings import Settings
from bmctl.errors import ExitCode
from bmctl.model.amounts import duration

if TYPE_CHECKING:
    from bmctl.conduct import Options, Outcome
    from bmctl.inventory import Inventory
    from bmctl.model.event import Tell
    from bmctl.model.node import Node
    from bmctl.wire import Serving


def serving_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of commands that serve files to machines."""
    function = click.option(
        "--listen-port",
        type=click.IntRange(0, 65535),
        default=0,
        metavar="PORT",
        help="Port of the file server (default: a free one).",
    )(function)
    return click.option(
        "--advertise",
        metavar="ADDRESS",
        help="Address that machines fetch files from (default: found by route).",
    )(function)


def conduct(
    settings: Settings,
    inventory: Inventory,
    nodes: tuple[Node, ...],
    *,
    verb: str,
    options: Options,
    serving: Serving,
) -> int:
    """Run the verb for the nodes and return the exit code."""
    with show(settings, tuple(node.name for node in nodes)) as tell:
        outcomes = run_async(_conduct(settings, inventory, nodes, verb, options, serving, tell))
    if not settings.json:
        _sum_up(outcomes)
    else:
        _errors_as_json(outcomes)
    return exit_code(outcomes)


async def _conduct(
    settings: Settings,
    inventory: Inventory,
    nodes: tuple[Node, ...],
    verb: str,
    options: Options,
    serving: Serving,
    tell: Tell,
) -> tuple[Outcome, ...]:
    from bmctl.conduct import Conductor
    from bmctl.store.directory import StateDirectory
    from bmctl.store.owner import this_process
    from bmctl.wire import Wire

    store = settings.open_store()
    directory = StateDirectory.open(settings.find_state())
    owner = this_process(f"bmctl {verb}", since=time.time())
    async with Wire(
        inventory=inventory, cache=settings.find_cache(), environment=settings.environment, serving=serving
    ) as wire:
        conductor = Conductor(
            wire=wire,
            store=store,
            directory=directory,
            owner=owner,
            tell=tell,
            options=options,
            wall_clock=time.time,
            clock=time.monotonic,
        )
        return await (conductor.resume(nodes) if verb == "resume" else conductor.deploy(nodes))


def exit_code(outcomes: tuple[Outcome, ...]) -> int:
    """One code for all: 130 if interrupted, the common failure, or 7 where some machines are done."""
    if any(outcome.interrupted for outcome in outcomes):
        return ExitCode.INTERRUPTED
    codes = {outcome.error.exit_code for outcome in outcomes if outcome.error is not None}
    if not codes:
        return ExitCode.DONE
    if any(outcome.ok for outcome in outcomes):
        return ExitCode.PARTIAL
    # Machines that were held back by another's mistake end with that mistake's code.
    return max(codes) if len(codes) == 1 else ExitCode.FAILED


def _sum_up(outcomes: tuple[Outcome, ...]) -> None:
    for outcome in outcomes:
        if outcome.error is not None:
            show_error(outcome.error, node=outcome.node.name)
        elif outcome.interrupted:
            click.echo(f"{outcome.node.name}: interrupted", err=True)
        else:
            click.echo(_deployed_line(outcome))
        if not outcome.ok and outcome.run_id is not None:
            click.echo(f"to go on where it stopped: bmctl resume {outcome.node.name}", err=True)


def _deployed_line(outcome: Outcome) -> str:
    node = outcome.node
    return (
        f"{node.name}: deployed in {duration(outcome.total)}, hostname {node.instance.hostname},"
        f" address {node.instance_network.address}, instance {outcome.instance_id}"
    )


def _errors_as_json(outcomes: tuple[Outcome, ...]) -> None:
    for outcome in outcomes:
        error = outcome.error
        line = {
            "node": outcome.node.name,
            "kind": "outcome",
            "ok": outcome.ok,
            "run": outcome.run_id,
            "instance_id": outcome.instance_id,
            "total": round(outcome.total, 3),
            "seconds": outcome.seconds,
            "error": error.message if error is not None else None,
            "hint": error.hint if error is not None else None,
        }
        sys.stdout.write(json.dumps(line) + "\n")
