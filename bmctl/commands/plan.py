"""`bmctl plan`: show what a deploy would do, and why, without touching anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bmctl.commands.nodes import nodes_argument, select
from bmctl.commands.settings import Settings, common_options, settings_of

if TYPE_CHECKING:
    from bmctl.engine.plan import Plan, Task
    from bmctl.model.node import Node

EPILOG = """\b
Examples:
  bmctl plan n1                   each step, why it is there
  bmctl plan n1 --json            the same for a program
"""


@click.command(epilog=EPILOG)
@nodes_argument()
@common_options
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], groups: tuple[str, ...]) -> None:
    """Show what a deploy would do, and why: every step with its arguments, the
    boot path, and what happens to which disk. No machine is asked.
    """
    settings = settings_of(ctx)
    _, nodes = select(settings, names, groups)
    plans = [_plan(settings, node) for node in nodes]
    if settings.json:
        click.echo(json.dumps([plan.to_json() for plan in plans], indent=2, default=str))
        return
    for plan in plans:
        _show(plan)


def _plan(settings: Settings, node: Node) -> Plan:
    """The plan, with the agent's steps as they are remembered from the node's last run."""
    from bmctl.flows.deploy import plan_deploy
    from bmctl.store.record import get_node

    remembered = None
    known: dict[str, object] = {}
    if settings.find_state().exists():
        stored = get_node(settings.open_store(), node.name)
        if stored is not None:
            remembered = stored.record.agent.get("steps")
            known = stored.record.description
    return plan_deploy(node, agent_steps=remembered, description=known)


def _show(plan: Plan) -> None:
    click.echo(click.style(f"{plan.node}: {plan.verb}", bold=True) + f"  (plan {plan.digest})")
    for note in plan.notes:
        click.echo(f"  {note}")
    part = ""
    for number, task in enumerate(plan.tasks, start=1):
        if task.part_of != part:
            part = task.part_of
            click.echo(f"\n  {part} (priority {task.priority})")
        _show_task(number, task)
    click.echo()


def _show_task(number: int, task: Task) -> None:
    danger = click.style(" destroys data", fg="red") if task.step.destroys else ""
    origin = "" if task.origin == "core" else f" [{task.origin}]"
    click.echo(f"   {number:2}. {task.key}: {task.step.title}{origin}{danger}")
    if task.reason:
        click.echo(f"       why: {task.reason}")
    if arguments := _compact(task.to_json()["args"]):
        click.echo(f"       with: {arguments}")


def _compact(arguments: dict[str, object]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in arguments.items() if value is not None)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + _compact(value) + "}"
    return str(value)
