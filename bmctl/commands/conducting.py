"""What all verbs that run plans share: conducting runs, showing them, and summing up."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.errors_shown import show_error
from bmctl.commands.running import run_async
from bmctl.commands.screen import show
from bmctl.commands.settings import Settings
from bmctl.errors import BmctlError, ExitCode
from bmctl.model.amounts import duration

if TYPE_CHECKING:
    from bmctl.conduct.conductor import Conductor, Options
    from bmctl.conduct.story import Outcome
    from bmctl.inventory import Inventory
    from bmctl.model.event import Tell
    from bmctl.model.node import Node
    from bmctl.wire import Serving

    Work = Callable[[Conductor, tuple[Node, ...]], Awaitable[tuple[Outcome, ...]]]


# A rescue's password, which is kept nowhere else once the run is done.
PASSWORD = "rescue_password"  # noqa: S105 - the name of it


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


def running_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of commands that begin runs."""
    function = click.option(
        "--hold-before", multiple=True, metavar="STEP", help="Hold before this step (repeatable)."
    )(function)
    function = click.option(
        "--at-once",
        type=click.IntRange(1),
        default=50,
        show_default=True,
        help="Machines worked on together.",
    )(function)
    function = click.option(
        "--leave-running", is_flag=True, help="Leave the ramdisk running where a run fails."
    )(function)
    return serving_options(function)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conducting:
    """What a command hands over: the nodes, how to conduct, what to serve from where."""

    settings: Settings
    inventory: Inventory
    nodes: tuple[Node, ...]
    verb: str
    options: Options
    serving: Serving
    hold_before: tuple[str, ...] = field(default=())


def conduct(conducting: Conducting, work: Work) -> int:
    """Do the work for the nodes, show it, sum it up, and return the exit code."""
    outcomes = conducted(conducting, work)
    sum_up(conducting.settings, outcomes)
    return exit_code(outcomes)


def conducted(conducting: Conducting, work: Work) -> tuple[Outcome, ...]:
    """Do the work for the nodes while it is shown."""
    names = tuple(node.name for node in conducting.nodes)
    with show(conducting.settings, names) as tell:
        return run_async(_conduct(conducting, work, tell))


async def _conduct(conducting: Conducting, work: Work, tell: Tell) -> tuple[Outcome, ...]:
    from bmctl.conduct.conductor import Conductor
    from bmctl.conduct.helm import NodeHelm
    from bmctl.store.directory import StateDirectory
    from bmctl.store.owner import this_process
    from bmctl.upgrade.boot_files import remember
    from bmctl.wire import Wire

    settings = conducting.settings
    store = settings.open_store()
    for node in conducting.nodes:
        for word in conducting.hold_before:
            NodeHelm(store, node.name).hold_before(word)
    async with Wire(
        inventory=conducting.inventory,
        cache=settings.find_cache(),
        environment=settings.environment,
        serving=conducting.serving,
    ) as wire:
        conductor = Conductor(
            wire=wire,
            inventory=conducting.inventory,
            store=store,
            directory=StateDirectory.open(settings.find_state()),
            owner=this_process(f"bmctl {conducting.verb}", since=time.time()),
            tell=tell,
            options=conducting.options,
            wall_clock=time.time,
            clock=time.monotonic,
        )
        outcomes = await work(conductor, conducting.nodes)
        if any(outcome.ok for outcome in outcomes):
            with suppress(BmctlError):  # how the runs ended matters more
                remember(store, wire.boot_files, now=time.time())
        return outcomes


def last_outcome(settings: Settings, node: Node) -> tuple[str | None, str | None]:
    """The node's last run and how it ended; no run where there was none, no end where it has not ended."""
    from bmctl.store.directory import StateDirectory
    from bmctl.store.record import get_node
    from bmctl.store.run_folder import RunFolder

    stored = get_node(settings.open_store(), node.name)
    if stored is None or stored.record.run_id is None:
        return None, None
    folder = RunFolder(StateDirectory.open(settings.find_state()).run(stored.record.run_id))
    return stored.record.run_id, folder.outcome()


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


def sum_up(settings: Settings, outcomes: tuple[Outcome, ...]) -> None:
    """Say how each node's run ended: data to stdout, errors to stderr."""
    if settings.json:
        _as_json(outcomes)
        return
    for outcome in outcomes:
        _sum_up(outcome)


def _sum_up(outcome: Outcome) -> None:
    name = outcome.node.name
    if outcome.error is not None:
        show_error(outcome.error, node=name)
    elif outcome.interrupted:
        click.echo(f"{name}: interrupted", err=True)
    else:
        click.echo(_done_line(outcome))
        if password := outcome.facts.get(PASSWORD):
            click.echo(f"{name}: ssh rescue@{outcome.node.network.address}  password {password}")
    if not outcome.ok and not outcome.held and _can_go_on(outcome):
        click.echo(f"to go on where it stopped: bmctl resume {name}", err=True)


def _can_go_on(outcome: Outcome) -> bool:
    from bmctl.engine.steer import AbortedError

    return outcome.run_id is not None and not isinstance(outcome.error, AbortedError)


def _done_line(outcome: Outcome) -> str:
    from bmctl.conduct.story import PAST

    node = outcome.node
    line = f"{node.name}: {PAST.get(outcome.verb, 'done')} in {duration(outcome.total)}"
    if outcome.verb != "deploy":
        return line
    return (
        f"{line}, hostname {node.instance.hostname},"
        f" address {node.instance_network.address}, instance {outcome.instance_id}"
    )


def _as_json(outcomes: tuple[Outcome, ...]) -> None:
    for outcome in outcomes:
        error = outcome.error
        line = {
            "node": outcome.node.name,
            "kind": "outcome",
            "verb": outcome.verb,
            "ok": outcome.ok,
            "held": outcome.held,
            "run": outcome.run_id,
            "instance_id": outcome.instance_id,
            "total": round(outcome.total, 3),
            "seconds": outcome.seconds,
            "error": error.message if error is not None else None,
            "hint": error.hint if error is not None else None,
        }
        if password := outcome.facts.get(PASSWORD):
            line |= {"address": str(outcome.node.network.address), "password": password}
        sys.stdout.write(json.dumps(line) + "\n")
