"""`bmctl node manage|provide|adopt|remove`: where a node stands, without a run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from bmctl.commands.errors_shown import show_error
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.running import run_async
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import BmctlError, ExitCode

if TYPE_CHECKING:
    from bmctl.enrolling import Admission, Enrolment
    from bmctl.model.node import Node
    from bmctl.model.states import ProvisionState
    from bmctl.store.filestore import FileStore
    from bmctl.store.interface import Owner

AT_ONCE = 64
LEASE = 120.0

MANAGE_EPILOG = """\b
Examples:
  bmctl node manage n1            out of the reach of deploys
  bmctl node manage -g rack1
"""
PROVIDE_EPILOG = """\b
Examples:
  bmctl node provide n1           free for deploys, and not cleaned before
"""
ADOPT_EPILOG = """\b
Examples:
  bmctl node manage n1            first, where it is available
  bmctl node adopt n1             its system runs, and goes on running
"""
REMOVE_EPILOG = """\b
Examples:
  bmctl node remove n1            also when the inventory has it no more
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a verb ended for one node."""

    name: str
    state: ProvisionState | None = None
    error: BmctlError | None = None
    text: str = ""


@click.command(epilog=MANAGE_EPILOG)
@nodes_argument(required=True)
@common_options
@click.pass_context
def manage(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> int:
    """Make nodes manageable: looked after, and not available.

    From there they can be cleaned, inspected, adopted and provided. The
    controller of a node new to bmctl is verified first.
    """
    from bmctl.enrolling import Admission

    return _admit(settings_of(ctx), names, groups, Admission.MANAGE)


@click.command(epilog=ADOPT_EPILOG)
@nodes_argument(required=True)
@common_options
@click.pass_context
def adopt(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> int:
    """Take over manageable nodes on which a system runs, as active.

    Their controllers are verified; machines and disks are only looked at.
    """
    from bmctl.enrolling import Admission

    return _admit(settings_of(ctx), names, groups, Admission.ADOPT)


@click.command(epilog=PROVIDE_EPILOG)
@nodes_argument(required=True)
@common_options
@click.pass_context
def provide(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> int:
    """Make manageable nodes available, where nothing is cleaned first.

    A node with automated cleaning is made available by bmctl clean.
    """
    settings = settings_of(ctx)
    _, nodes = select(settings, names, groups)
    store, owner = settings.open_store(), _owner("bmctl node provide")
    return _sum_up(settings, [_provide(store, owner, node) for node in nodes])


@click.command(epilog=REMOVE_EPILOG)
@click.argument("names", metavar="NODE...", nargs=-1, required=True)
@common_options
@click.pass_context
def remove(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Forget what is known of nodes; the machines are left as they are.

    The journals of their runs stay. A node that the inventory still has is new
    again.
    """
    settings = settings_of(ctx)
    store, owner = settings.open_store(), _owner("bmctl node remove")
    return _sum_up(settings, [_remove(store, owner, name) for name in names])


def _admit(settings: Settings, names: tuple[str, ...], groups: tuple[str, ...], admission: Admission) -> int:
    from bmctl.commands.errors_shown import show_warning
    from bmctl.enrolling import enroll
    from bmctl.wire import Wire

    inventory, nodes = select(settings, names, groups)

    async def work() -> tuple[Enrolment, ...]:
        async with Wire(
            inventory=inventory, cache=settings.find_cache(), environment=settings.environment
        ) as wire:
            return await enroll(
                wire,
                settings.open_store(),
                _owner(f"bmctl node {admission}"),
                nodes,
                at_once=AT_ONCE,
                clock=time.time,
                told=lambda _found: None,
                admission=admission,
            )

    found = run_async(work())
    for one in found:
        for warning in one.warnings:
            show_warning(warning, node=one.node.name)
    return _sum_up(
        settings, (_Ended(name=one.node.name, state=one.provision_state, error=one.error) for one in found)
    )


def _provide(store: FileStore, owner: Owner, node: Node) -> _Ended:
    from bmctl.store.record import node_key, update_node
    from bmctl.store.verbs import provided

    try:
        with store.lock(node_key(node.name), owner, lease=LEASE) as lock:
            record = update_node(
                store,
                node.name,
                lambda record: replace(
                    provided(
                        record.of_controller(node.bmc.key),
                        cleaned_first=node.cleaning.automated,
                    ),
                    updated=time.time(),
                ),
                fence=lock.fence,
            )
    except BmctlError as error:
        return _Ended(name=node.name, error=error)
    return _Ended(name=node.name, state=record.provision_state)


def _remove(store: FileStore, owner: Owner, name: str) -> _Ended:
    from bmctl.errors import InvalidError
    from bmctl.store.flags import refuse_removal
    from bmctl.store.record import get_node, node_key

    key = node_key(name)
    try:
        if (stored := get_node(store, name)) is None:
            raise InvalidError("nothing is known of this node", hint="see: bmctl node list")
        with store.lock(key, owner, lease=LEASE) as lock:
            refuse_removal(stored.record)
            store.delete(key, if_revision=stored.revision, fence=lock.fence)
    except BmctlError as error:
        return _Ended(name=name, error=error)
    return _Ended(name=name, text="forgotten")


def _sum_up(settings: Settings, ended: Iterable[_Ended]) -> int:
    found = list(ended)
    for one in found:
        if one.error is not None:
            show_error(one.error, node=one.name)
        elif not settings.json:
            click.echo(f"{one.name}: {one.text or one.state}")
    if settings.json:
        click.echo(json.dumps([_facts(one) for one in found], indent=2))
    errors = [one.error for one in found if one.error is not None]
    if not errors:
        return ExitCode.DONE
    return ExitCode.PARTIAL if len(errors) < len(found) else errors[0].exit_code


def _facts(ended: _Ended) -> dict[str, object]:
    return {
        "node": ended.name,
        "ok": ended.error is None,
        "provision_state": ended.state.value if ended.state else None,
        "error": ended.error.message if ended.error else None,
        "hint": ended.error.hint if ended.error else None,
    }


def _owner(command: str) -> Owner:
    from bmctl.store.owner import this_process

    return this_process(command, since=time.time())
