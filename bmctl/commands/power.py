"""`bmctl power`: look at and switch the power of machines."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from bmctl.commands.errors_shown import show_error
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.running import run_async
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import BmctlError, ExitCode
from bmctl.model.firmware import PowerAction, PowerState

if TYPE_CHECKING:
    from bmctl.inventory import Inventory
    from bmctl.model.node import Node
    from bmctl.store.record import NodeRecord
    from bmctl.wire import Wire

EPILOG = """\b
Examples:
  bmctl power status              all nodes
  bmctl power on n1
  bmctl power off n1              at once, as its switch does
  bmctl power soft-off n1         its operating system is asked to
  bmctl power reboot -g rack1
  bmctl power soft-reboot n1
"""
AT_ONCE = 64
LEASE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """How one machine's power is, or why that is not known."""

    node: Node
    state: PowerState | None = None
    error: BmctlError | None = None


@click.group(epilog=EPILOG)
def command() -> None:
    """Look at and switch the power of machines."""


@command.command("status", epilog=EPILOG)
@nodes_argument()
@common_options
@click.pass_context
def status(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> int:
    """Ask each controller how its machine's power is."""
    return _run(settings_of(ctx), names, groups, None)


def _switch_command(action: PowerAction, text: str) -> None:
    @command.command(action.value, epilog=EPILOG, help=text, short_help=text)
    @nodes_argument(required=False)
    @common_options
    @click.pass_context
    def switch(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> int:
        if not names and not groups:
            raise click.UsageError("name the nodes, or a group with -g")
        return _run(settings_of(ctx), names, groups, action)


_switch_command(PowerAction.ON, "Switch machines on.")
_switch_command(PowerAction.OFF, "Switch machines off at once.")
_switch_command(PowerAction.SOFT_OFF, "Ask the operating system to shut down.")
_switch_command(PowerAction.REBOOT, "Switch machines off and on.")
_switch_command(PowerAction.SOFT_REBOOT, "Shut down, then switch on.")


def _run(
    settings: Settings, names: tuple[str, ...], groups: tuple[str, ...], action: PowerAction | None
) -> int:
    inventory, nodes = select(settings, names, groups)
    found = run_async(_all(settings, inventory, nodes, action))
    if settings.json:
        click.echo(json.dumps([_to_json(one) for one in found], indent=2))
    else:
        for one in found:
            _show(one)
    failed = [one.error.exit_code for one in found if one.error is not None]
    if not failed:
        return ExitCode.DONE
    return max(failed) if len(failed) == len(found) else ExitCode.PARTIAL


async def _all(
    settings: Settings, inventory: Inventory, nodes: tuple[Node, ...], action: PowerAction | None
) -> tuple[Switched, ...]:
    from bmctl.wire import Wire

    slots = asyncio.Semaphore(AT_ONCE)
    async with Wire(
        inventory=inventory, cache=settings.find_cache(), environment=settings.environment
    ) as wire:

        async def one(node: Node, what: PowerAction | None) -> Switched:
            async with slots:
                try:
                    return await _one(settings, wire, node, what)
                except BmctlError as error:
                    return Switched(node=node, error=error)

        found: list[Switched] = []
        for wave in _waves(inventory, nodes, action):
            found += await asyncio.gather(*(one(node, what) for node, what in wave))
        return tuple(found)


def _waves(
    inventory: Inventory, nodes: tuple[Node, ...], action: PowerAction | None
) -> tuple[tuple[tuple[Node, PowerAction | None], ...], ...]:
    """Whom to ask or switch together; a child node has its power from its parent."""
    from bmctl.flows.power_order import power_waves

    if action is None:
        return (tuple((node, None) for node in nodes),)
    return power_waves(inventory.nodes, nodes, action)


async def _one(settings: Settings, wire: Wire, node: Node, action: PowerAction | None) -> Switched:
    if action is None:
        async with wire.driver(node) as driver:
            return Switched(node=node, state=await driver.power.state())
    from bmctl.drivers.guarded import guarded
    from bmctl.store.owner import this_process
    from bmctl.store.record import node_key, update_node

    store = settings.open_store()
    owner = this_process(f"bmctl power {action}", since=time.time())
    with store.lock(node_key(node.name), owner, lease=LEASE) as lock:
        async with wire.driver(node) as driver:
            await guarded(driver, lock.check).power.set(action)
            state = await driver.power.state()

        def change(record: NodeRecord) -> NodeRecord:
            return replace(record, power=state, updated=time.time())

        update_node(store, node.name, change, fence=lock.fence)
    return Switched(node=node, state=state)


def _show(one: Switched) -> None:
    if one.error is not None:
        show_error(one.error, node=one.node.name)
    else:
        click.echo(f"{one.node.name}: {one.state}")


def _to_json(one: Switched) -> dict[str, object]:
    return {
        "node": one.node.name,
        "power": one.state,
        "error": one.error.message if one.error is not None else None,
        "hint": one.error.hint if one.error is not None else None,
    }
