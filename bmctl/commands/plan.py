"""`bmctl plan`: show what a verb would do, and why, without touching anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmctl.commands.asked import asked_steps, step_options
from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.planning import plan_node
from bmctl.commands.settings import Settings, common_options, settings_of

if TYPE_CHECKING:
    from bmctl.engine.plan import Plan, Task
    from bmctl.flows.request import Request
    from bmctl.inventory import Inventory
    from bmctl.model.node import Node

VERBS = ("deploy", "undeploy", "clean", "service", "inspect", "rescue", "unrescue")
EPILOG = """\b
Examples:
  bmctl plan n1                   a deploy: each step, and why it is there
  bmctl plan n1 --for clean       automated cleaning
  bmctl plan n1 --for clean --step deploy.erase_devices_metadata --step hold
  bmctl plan n1 --for service --runbook refresh
  bmctl plan --node-file test.yaml    what templates make, without any machine
  bmctl plan n1 --json            the same for a program
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@click.option(
    "--for", "verb", type=click.Choice(VERBS), default="deploy", show_default=True, help="The verb."
)
@step_options
@click.option(
    "--node-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Plan for the node in this file; inventory and state are not read.",
)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    verb: str,
    words: tuple[str, ...],
    steps_file: Path | None,
    runbook: str | None,
    disable_ramdisk: bool,
    node_file: Path | None,
) -> None:
    """Show what a verb would do, and why.

    Every step with its arguments, its priority and who wants it; the boot path;
    what happens to which disk. No machine is asked. Steps that only the agent
    can tell of are found wrong here where an agent of the node's ramdisk has
    told its steps before, else right after its first answer.
    """
    settings = settings_of(ctx)
    request = _request(verb, words, steps_file, runbook, disable_ramdisk=disable_ramdisk)
    plans = [
        _plan(settings, inventory, node, request, node_file)
        for inventory, node in _nodes(settings, names, groups, node_file)
    ]
    if settings.json:
        click.echo(json.dumps([plan.to_json() for plan in plans], indent=2, default=str))
        return
    for plan in plans:
        _show(plan)


def _request(
    verb: str,
    words: tuple[str, ...],
    steps_file: Path | None,
    runbook: str | None,
    *,
    disable_ramdisk: bool,
) -> Request:
    from bmctl.flows.request import Request, Verb

    steps = asked_steps(words, steps_file)
    if steps and runbook is not None:
        raise click.UsageError("give steps or a runbook, not both")
    automated = verb == "clean" and not steps and runbook is None
    return Request(
        verb=Verb.PROVIDE if automated else Verb(verb),
        steps=steps,
        runbook=runbook,
        disable_ramdisk=disable_ramdisk,
    )


def _nodes(
    settings: Settings, names: tuple[str, ...], groups: tuple[str, ...], node_file: Path | None
) -> list[tuple[Inventory, Node]]:
    if node_file is None:
        inventory, nodes = select(settings, names, groups)
    else:
        from bmctl.inventory.node_file import load_node_file

        inventory = load_node_file(node_file)
        nodes = inventory.select(names, groups=groups)
    return [(inventory, node) for node in nodes]


def _plan(
    settings: Settings, inventory: Inventory, node: Node, request: Request, node_file: Path | None
) -> Plan:
    if node_file is None:
        return plan_node(settings, inventory, node, request)
    from bmctl.conduct.knowing import knowledge_of
    from bmctl.flows.plans import plan_for

    return plan_for(node, knowledge_of(inventory, node, None, ramdisk=None), request)


def _show(plan: Plan) -> None:
    click.echo(click.style(f"{plan.node}: {plan.verb}", bold=True) + f"  (plan {plan.digest})")
    for note in plan.notes:
        click.echo(f"  {note}")
    part = None
    for number, task in enumerate(plan.tasks, start=1):
        if (task.part_of, task.priority) != part:
            part = (task.part_of, task.priority)
            click.echo(f"\n  {task.part_of}" + (f" (priority {task.priority})" if task.priority else ""))
        _show_task(number, task)
    click.echo()


def _show_task(number: int, task: Task) -> None:
    danger = click.style(" destroys data", fg="red") if task.is_destructive else ""
    origin = "" if task.origin == "core" else f" [{task.origin}]"
    click.echo(f"   {number:2}. {task.key}: {task.step.title}{origin}{danger}")
    if task.reason:
        click.echo(f"       why: {task.reason}")
    if arguments := _compact(task.to_json()["args"]):
        click.echo(f"       with: {arguments}")


def _compact(arguments: dict[str, object]) -> str:
    return ", ".join(
        f"{name}={_value(value)}" for name, value in arguments.items() if value not in (None, {}, "")
    )


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + _compact(value) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    first, more, _ = str(value).partition("\n")
    return f"{first} ..." if more else first
