"""How errors look to a person: one line that says it all, and a hint."""

from __future__ import annotations

import click

from bmctl.errors import BmctlError


def show_error(error: BmctlError, *, node: str | None = None) -> None:
    """Write an error to stderr; every mistake of an inventory gets its own line."""
    message = error.message
    problems = getattr(error, "problems", ())
    if problems:
        for problem in problems:
            click.echo(str(problem), err=True)
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        message = f"{count} in {getattr(error, 'path', 'the inventory')}, nothing was touched"
    who = f"{node}: " if node and not message.startswith((f"{node}: ", f"{node} ")) else ""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {who}{message}", err=True)
    if error.hint:
        click.echo(f"{click.style('hint:', fg='cyan')} {error.hint}", err=True)


def show_warning(text: str, *, node: str | None = None) -> None:
    """Write a warning to stderr."""
    who = f"{node}: " if node else ""
    click.echo(f"{click.style('warning:', fg='yellow')} {who}{text}", err=True)
