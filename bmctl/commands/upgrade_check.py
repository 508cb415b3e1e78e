"""`bmctl upgrade-check`: what would be fatal or surprising before or after an upgrade."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from bmctl.commands.settings import Settings, common_options, settings_of

if TYPE_CHECKING:
    from bmctl.upgrade.check import Check, Finding, Result
    from bmctl.upgrade.look import Look

EPILOG = """\b
Examples:
  bmctl {name}                   everything
  bmctl {name} --only locks --only runs
  bmctl {name} --list            what is looked for
  bmctl {name} --json            each finding with place and remedy
"""
BROKEN = 255
_WIDTH = 76
_NODES_SHOWN = 4
_WORDS = {0: "Success", 1: "Warning", 2: "Failure"}


def _named(name: str) -> click.Command:
    """The command under one of its two names."""

    @click.command(name.rpartition(" ")[2], epilog=EPILOG.format(name=name))
    @click.option("--only", multiple=True, metavar="NAME", help="Run this check alone; repeatable.")
    @click.option("--list", "list_only", is_flag=True, help="List the checks and run none.")
    @common_options
    @click.pass_context
    def check(ctx: click.Context, only: tuple[str, ...], list_only: bool) -> int:
        """Find what would be fatal or surprising before or after an upgrade.

        Looks at the inventory, the state and the boot files; changes nothing and asks
        no machine. Exit codes of its own: 0 success, 1 warnings, 2 failures, 255 a
        check itself broke.
        """
        settings = settings_of(ctx)
        checks = _chosen(ctx, only)
        if list_only:
            return _list(settings, checks)
        from bmctl.upgrade.check import run_checks

        results = run_checks(checks, _look(settings))
        _show(settings, results)
        if any(result.broken for result in results):
            return BROKEN
        return max((int(result.level) for result in results), default=0)

    return check


def _chosen(ctx: click.Context, only: tuple[str, ...]) -> tuple[Check, ...]:
    from bmctl.upgrade.checks import CHECKS

    if unknown := [name for name in only if name not in CHECKS]:
        from bmctl.inventory.text_values import close_match

        raise click.UsageError(f'there is no check "{unknown[0]}"{close_match(unknown[0], CHECKS)}', ctx=ctx)
    return tuple(check for name, check in CHECKS.items() if not only or name in only)


def _look(settings: Settings) -> Look:
    from bmctl.store.owner import this_process
    from bmctl.upgrade.look import Look, Sources

    path = settings.find_inventory()
    named = settings.inventory_path is not None
    now = time.time()
    return Look(
        Sources(
            inventory=path if named or path.exists() else None,
            state=settings.find_state(),
            cache=settings.find_cache(),
            here=this_process("bmctl upgrade-check", since=now),
            now=now,
        )
    )


def _list(settings: Settings, checks: tuple[Check, ...]) -> int:
    from bmctl.commands.tables import show_table

    if settings.json:
        click.echo(json.dumps([{"name": check.name, "title": check.title} for check in checks], indent=2))
    else:
        show_table(("name", "what is looked for"), [(check.name, _purpose(check)) for check in checks])
    return 0


def _purpose(check: Check) -> str:
    """What the check's module says that it looks for."""
    import sys

    text = sys.modules[check.run.__module__].__doc__ or check.title
    return " ".join(text.split("\n\n")[0].split()).rstrip(".")


def _show(settings: Settings, results: tuple[Result, ...]) -> None:
    if settings.json:
        click.echo(json.dumps({"checks": [_facts(result) for result in results]}, indent=2))
        return
    rule = f"+{'-' * (_WIDTH + 2)}+"
    click.echo(rule)
    click.echo(_boxed("Upgrade Check Results"))
    for result in results:
        click.echo(rule)
        for line in _lines(result):
            click.echo(_boxed(line))
    click.echo(rule)


def _boxed(text: str) -> str:
    return f"| {text.ljust(_WIDTH)} |"


def _lines(result: Result) -> Iterator[str]:
    yield f"Check: {result.check.title} ({result.check.name})"
    yield f"Result: {_word(result)}"
    details = list(_details(result))
    if not details:
        yield "Details: None"
    for at, detail in enumerate(details):
        head = "Details: " if at == 0 else "  "
        yield from textwrap.wrap(
            head + detail, _WIDTH, subsequent_indent="    ", break_long_words=True, break_on_hyphens=False
        )


def _word(result: Result) -> str:
    if result.broken:
        return "Error"
    return "Skipped" if result.skipped else _WORDS[int(result.level)]


def _details(result: Result) -> Iterator[str]:
    if result.broken:
        yield f"the check itself broke: {result.broken}"
    if result.skipped:
        yield f"not looked at: {result.skipped}"
    findings = sorted(result.findings, key=_likeness)
    for _, alike in groupby(findings, key=_likeness):
        yield _summary(tuple(alike))


def _likeness(finding: Finding) -> tuple[int, str]:
    """What findings that are told as one have in common; the worst come first."""
    return -int(finding.level), finding.text


def _summary(alike: tuple[Finding, ...]) -> str:
    """One finding, or many of the same as one; their remedies differ in the node's name alone."""
    first = alike[0]
    nodes = _some([finding.node for finding in alike if finding.node])
    places = [finding.place for finding in alike if finding.place]
    shown = places[0] if places else ""
    others = len(set(places)) - 1
    more = f" and {others} more place{'s' if others > 1 else ''}" if others > 0 else ""
    where = f" [{shown}{more}]" if shown else ""
    remedy = f". Remedy: {first.remedy}" if first.remedy else ""
    return f"{nodes}{first.text}{where}{remedy}"


def _some(names: list[str]) -> str:
    if not names:
        return ""
    rest = len(names) - _NODES_SHOWN
    return f"{', '.join(names[:_NODES_SHOWN])}{f' and {rest} more' if rest > 0 else ''}: "


def _facts(result: Result) -> dict[str, Any]:
    return {
        "check": result.check.name,
        "title": result.check.title,
        "result": _word(result).lower(),
        "details": result.broken or result.skipped or None,
        "findings": [_finding_facts(finding) for finding in result.findings],
    }


def _finding_facts(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.level.name.lower(),
        "text": finding.text,
        "node": finding.node or None,
        "place": finding.place or None,
        "remedy": finding.remedy or None,
    }


command = _named("upgrade-check")
check_command = _named("upgrade check")
