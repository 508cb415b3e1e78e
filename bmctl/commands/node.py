"""`bmctl node`: what is known of nodes, from the inventory and the state; its verbs are files beside."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.lazy import Entry, LazyGroup
from bmctl.commands.nodes import complete_nodes, nodes_argument, select
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.commands.tables import show_pairs, show_table
from bmctl.model.amounts import duration

if TYPE_CHECKING:
    from bmctl.model.node import Node
    from bmctl.store.filestore import FileStore
    from bmctl.store.record import NodeRecord

EPILOG = """\b
Examples:
  bmctl node list
  bmctl node list -g rack1 --json
  bmctl node show n1
"""
_HERE = "bmctl.commands.node"
_FLAGS = "bmctl.commands.node_flags"
_VERBS = "bmctl.commands.node_verbs"
COMMANDS = {
    "list": Entry(_HERE, "List nodes with state, power and what they are busy with.", "list_nodes"),
    "show": Entry(_HERE, "Show all that is known of one node.", "show"),
    "history": Entry("bmctl.commands.history", "Show every run of a node, or each step of one."),
    "inventory": Entry(f"{_HERE}_inventory", "Show what the last inspection of a machine found."),
    "manage": Entry(_VERBS, "Make nodes manageable: looked after, and not available.", "manage"),
    "provide": Entry(_VERBS, "Make nodes available, where nothing is cleaned first.", "provide"),
    "adopt": Entry(_VERBS, "Take over nodes on which a system runs, as active.", "adopt"),
    "maintenance": Entry(_FLAGS, "Take nodes out of use for repair, or back.", "maintenance"),
    "protect": Entry(_FLAGS, "Refuse whatever would destroy what runs on nodes.", "protect"),
    "unprotect": Entry(_FLAGS, "Take the protection away.", "unprotect"),
    "retire": Entry(_FLAGS, "Let nodes not become available again.", "retire"),
    "unretire": Entry(_FLAGS, "Let retired nodes become available again.", "unretire"),
    "remove": Entry(_VERBS, "Forget what is known of nodes.", "remove"),
}


@click.group(cls=LazyGroup, entries=COMMANDS, epilog=EPILOG)
def command() -> None:
    """List nodes, show what is known of them, and say where they stand."""


@click.command("list", epilog=EPILOG)
@nodes_argument()
@common_options
@click.pass_context
def list_nodes(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> None:
    """List nodes with provision state, address and what they are busy with."""
    settings = settings_of(ctx)
    _, nodes = select(settings, names, groups)
    store = settings.open_store()
    found = [_facts(store, node) for node in nodes]
    if settings.json:
        click.echo(json.dumps(found, indent=2, default=str))
        return
    show_table(
        ("name", "state", "flags", "power", "address", "group", "busy with", "last error"),
        [
            (
                fact["name"],
                fact["provision_state"],
                ", ".join(fact["flags"]),
                fact["power"],
                fact["address"],
                fact["group"],
                fact["held_by"] or "",
                fact["last_error"] or "",
            )
            for fact in found
        ],
    )


@click.command("show", epilog=EPILOG)
@click.argument("name", metavar="NODE", shell_complete=complete_nodes)
@common_options
@click.pass_context
def show(ctx: click.Context, name: str) -> None:
    """Show all that is known of one node."""
    settings = settings_of(ctx)
    node = settings.load_inventory().node(name)
    store = settings.open_store()
    facts = {**_facts(store, node), **_more(settings, store, node)}
    if settings.json:
        click.echo(json.dumps(facts, indent=2, default=str))
        return
    show_pairs((key.replace("_", " "), value) for key, value in facts.items() if not isinstance(value, dict))
    for key, value in facts.items():
        if isinstance(value, dict) and value:
            click.echo(f"\n{key.replace('_', ' ')}")
            show_pairs((f"  {inner.replace('_', ' ')}", text) for inner, text in value.items())


def _record(store: FileStore, node: Node) -> NodeRecord | None:
    from bmctl.store.record import get_node

    stored = get_node(store, node.name)
    return stored.record if stored is not None else None


def _facts(store: FileStore, node: Node) -> dict[str, Any]:
    from bmctl.store.flags import flag_words
    from bmctl.store.record import NodeRecord, node_key

    record = _record(store, node) or NodeRecord(name=node.name)
    holder = store.holder(node_key(node.name))
    return {
        "name": node.name,
        "uuid": node.uuid,
        "provision_state": record.provision_state.value,
        "flags": list(flag_words(record)),
        "maintenance": record.maintenance,
        "fault": record.fault,
        "protected": record.protected,
        "retired": record.retired,
        "power": record.power.value,
        "address": str(node.network.address),
        "group": node.group,
        "held_by": str(holder) if holder is not None else None,
        "last_error": record.last_error,
    }


def _more(settings: Settings, store: FileStore, node: Node) -> dict[str, Any]:
    record = _record(store, node)
    facts: dict[str, Any] = {
        "controller": node.bmc.address,
        "boot": f"{node.boot} in {node.boot_mode} mode",
        "hostname": node.instance.hostname,
        "addresses": [str(address) for address in node.network.addresses],
        "macs": list(node.network.macs),
        "traits": list(node.traits),
        "image": node.image.source if node.image else None,
    }
    if record is None:
        return facts
    from bmctl.store.directory import StateDirectory

    if record.run_id is not None:
        facts["run"] = record.run_id
        facts["run_folder"] = str(StateDirectory.open(settings.find_state()).run(record.run_id))
        facts["earlier_runs"] = list(record.history)
    if record.updated:
        facts["updated"] = f"{duration(time.time() - record.updated)} ago"
    facts["instance_id"] = record.agent.get("instance_id")
    facts["agent_version"] = record.agent.get("version")
    facts["description"] = record.description
    return facts
