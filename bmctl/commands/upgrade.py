"""`bmctl upgrade`: bring state and inventory to the present form, and take that back."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.lazy import Entry, LazyGroup
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import BusyError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from bmctl.upgrade.plan import UpgradePlan

EPILOG = """\b
Examples:
  bmctl upgrade check             what an upgrade would stumble over
  bmctl upgrade --fix --dry-run   show every change, make none
  bmctl upgrade --fix             show every change, ask, make them
  bmctl upgrade --fix --yes       for scripts
  bmctl upgrade --rollback        everything as it was before
"""
_DIFFS_SHOWN = 8
_COMMANDS = {
    "check": Entry("bmctl.commands.upgrade_check", "Find what would be fatal or surprising.", "check_command")
}


@click.group(cls=LazyGroup, entries=_COMMANDS, invoke_without_command=True, epilog=EPILOG)
@click.option("--fix", is_flag=True, help="Bring state and inventory to the present form.")
@click.option("--rollback", is_flag=True, help="Take the last --fix back.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@click.pass_context
def command(ctx: click.Context, fix: bool, rollback: bool, dry_run: bool, yes: bool) -> int:
    """Bring what an older bmctl left to the present form.

    Shows each change as a diff first. Killed at any moment, either all is as it
    was or all is changed. What was before is kept in the state directory.
    """
    if ctx.invoked_subcommand is not None:
        if fix or rollback or dry_run or yes:
            raise click.UsageError(f"{ctx.invoked_subcommand} changes nothing: say it alone", ctx=ctx)
        return ExitCode.DONE
    if fix == rollback:
        raise click.UsageError("say --fix, --rollback or check", ctx=ctx)
    settings = settings_of(ctx)
    _finish_what_was_begun(settings)
    plan = _plan(settings, rollback=rollback)
    if plan.is_empty:
        return _tell_nothing_to_do(settings, plan)
    _show(settings, plan, whole=dry_run)
    if dry_run:
        return _told(settings, plan, done=False)
    if not yes:
        _ask(ctx, plan, rollback=rollback)
    return _carry_out(settings, plan)


def _plan(settings: Settings, *, rollback: bool) -> UpgradePlan:
    from bmctl.upgrade.plan import plan_rollback, plan_upgrade

    now = time.time()
    if rollback:
        return plan_rollback(settings.find_state(), now=now)
    return plan_upgrade(settings.find_state(), _inventory(settings), now=now)


def _inventory(settings: Settings) -> Path | None:
    """The inventory, None where none was named and none lies here."""
    path = settings.find_inventory()
    return path if settings.inventory_path is not None or path.exists() else None


def _finish_what_was_begun(settings: Settings) -> None:
    from bmctl.store.change_set import complete
    from bmctl.store.schema import SCHEMA, read_schema

    schema = read_schema(settings.find_state())
    if schema is not None and schema.pending is not None and schema.version <= SCHEMA:
        complete(settings.find_state())
        click.echo(f"finished {schema.pending}, which was cut off", err=True)


def _show(settings: Settings, plan: UpgradePlan, *, whole: bool) -> None:
    if settings.json:
        return
    most = None if whole else _DIFFS_SHOWN
    click.echo(plan.diff(secrets=_secrets(settings), most=most), nl=False)
    if (rest := len(plan.changes) - _DIFFS_SHOWN) > 0 and not whole:
        click.echo(f"and {rest} more files; see all with --dry-run", err=True)
    source, target = plan.change_set.source, plan.change_set.target
    if source != target:
        click.echo(f"{plan.root}: schema {source} becomes {target}", err=True)
    for what in plan.what:
        click.echo(f"  {what}", err=True)
    for lost in plan.lost:
        click.echo(f"  would be lost: {lost}", err=True)
    _show_open_questions(plan)


def _show_open_questions(plan: UpgradePlan) -> None:
    from bmctl.commands.errors_shown import show_warning

    for one in plan.open_questions:
        show_warning(f"line {one.mark[0]}: {one.key} {one.change.describe()}; only you know what to write")


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Passwords that stand in the inventory itself: its changed lines may hold them."""
    from bmctl.inventory.loading import examine
    from bmctl.inventory.problems import InventoryError
    from bmctl.model.secret import SecretKind

    path = _inventory(settings)
    try:
        nodes = examine(path).inventory.nodes if path is not None else ()
    except InventoryError:
        return ()
    passwords = (node.bmc.password for node in nodes)
    return tuple({one.text for one in passwords if one is not None and one.kind is SecretKind.LITERAL})


def _ask(ctx: click.Context, plan: UpgradePlan, *, rollback: bool) -> None:
    """Return only after a yes; a script has to say it beforehand."""
    if not sys.stdin.isatty():
        if rollback and plan.lost:
            raise BusyError(
                f"{len(plan.lost)} documents have changed since the upgrade, and would be lost",
                hint="if that is meant: bmctl upgrade --rollback --yes",
            )
        raise click.UsageError("there is nobody to ask: say --yes, or --dry-run", ctx=ctx)
    if not click.confirm("make these changes?", err=True):
        raise click.Abort


def _carry_out(settings: Settings, plan: UpgradePlan) -> int:
    from bmctl.commands.errors_shown import show_warning
    from bmctl.upgrade.carry_out import carry_out

    left = carry_out(plan)
    for path in left:
        show_warning(f"{path} was left alone: it was changed meanwhile, or may not be written")
    return _told(settings, plan, done=True)


def _tell_nothing_to_do(settings: Settings, plan: UpgradePlan) -> int:
    _show_open_questions(plan)
    if settings.json:
        return _told(settings, plan, done=False)
    click.echo(f"nothing to do: {plan.root} has schema {plan.change_set.target}", err=True)
    return ExitCode.DONE


def _told(settings: Settings, plan: UpgradePlan, *, done: bool) -> int:
    if settings.json:
        click.echo(json.dumps(_facts(settings, plan, done=done), indent=2))
    elif done:
        click.echo(f"done; what was before is in {_kept(plan)}", err=True)
    return ExitCode.DONE


def _kept(plan: UpgradePlan) -> Path:
    from bmctl.store.change_set import path_of

    return path_of(plan.root, plan.change_set.name)


def _facts(settings: Settings, plan: UpgradePlan, *, done: bool) -> dict[str, Any]:
    return {
        "state": str(plan.root),
        "source": plan.change_set.source,
        "target": plan.change_set.target,
        "done": done,
        "what": list(plan.what),
        "changes": [change.path for change in plan.changes],
        "diff": plan.diff(secrets=_secrets(settings)),
        "lost": list(plan.lost),
        "left_to_you": [
            {"line": one.mark[0], "key": one.key, "why": one.change.describe()} for one in plan.open_questions
        ],
        "kept_in": str(_kept(plan)) if done else None,
    }
