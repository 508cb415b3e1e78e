"""`bmctl enroll`: reach each controller, prove the credentials, record what the machine is."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bmctl.commands.errors_shown import show_error, show_warning
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.running import run_async
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import ExitCode

if TYPE_CHECKING:
    from bmctl.enrolling import Enrolment
    from bmctl.inventory import Inventory
    from bmctl.model.node import Node

EPILOG = """\b
Examples:
  bmctl enroll                    every node
  bmctl enroll 'rack1-*' --json
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@click.option(
    "--at-once", type=click.IntRange(1), default=64, show_default=True, help="Controllers asked together."
)
@click.option("--no-dns", is_flag=True, help="Do not compare addresses with the name servers' records.")
@common_options
@click.pass_context
def command(
    ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...], at_once: int, no_dns: bool
) -> int:
    """Reach each controller and record what it is and can.

    Machines are only looked at. Where the inventory names name servers, each
    node's A, AAAA and PTR records are compared with the address that will be
    baked into its boot medium.
    """
    settings = settings_of(ctx)
    inventory, nodes = select(settings, names, groups)
    outcomes = run_async(_enroll(settings, inventory, nodes, at_once))
    if settings.json:
        click.echo(json.dumps([_to_json(found) for found in outcomes], indent=2))
    if not no_dns:
        _compare_names(nodes)
    return _exit_code(outcomes)


async def _enroll(
    settings: Settings, inventory: Inventory, nodes: tuple[Node, ...], at_once: int
) -> tuple[Enrolment, ...]:
    from bmctl.enrolling import enroll
    from bmctl.store.owner import this_process
    from bmctl.wire import Wire

    store = settings.open_store()
    owner = this_process("bmctl enroll", since=time.time())
    async with Wire(
        inventory=inventory, cache=settings.find_cache(), environment=settings.environment
    ) as wire:
        return await enroll(
            wire,
            store,
            owner,
            nodes,
            at_once=at_once,
            clock=time.time,
            told=(lambda _found: None) if settings.json else _show,
        )


def _show(found: Enrolment) -> None:
    if found.error is not None:
        show_error(found.error, node=found.node.name)
        return
    for warning in found.warnings:
        show_warning(warning, node=found.node.name)
    if found.description is not None:
        about = found.description
        machine = " ".join(text for text in (about.manufacturer, about.model) if text) or "unknown machine"
        click.echo(
            f"{found.node.name}: {found.provision_state}, {machine}, {about.protocol},"
            f" power {about.power}, {_ports(len(about.macs))},"
            f" virtual media {', '.join(about.media_slots) or 'none'}"
        )


def _ports(count: int) -> str:
    return "1 port" if count == 1 else f"{count} ports"


def _to_json(found: Enrolment) -> dict[str, object]:
    return {
        "node": found.node.name,
        "ok": found.error is None,
        "provision_state": found.provision_state,
        "description": asdict(found.description) if found.description is not None else None,
        "warnings": list(found.warnings),
        "error": found.error.message if found.error is not None else None,
        "hint": found.error.hint if found.error is not None else None,
    }


def _compare_names(nodes: tuple[Node, ...]) -> None:
    from bmctl.inventory.names import check_names

    for warning in run_async(check_names(nodes)):
        show_warning(str(warning))


def _exit_code(outcomes: tuple[Enrolment, ...]) -> int:
    codes = {found.error.exit_code for found in outcomes if found.error is not None}
    if not codes:
        return ExitCode.DONE
    if any(found.error is None for found in outcomes):
        return ExitCode.PARTIAL
    return codes.pop() if len(codes) == 1 else ExitCode.FAILED
