"""A group of commands that are imported only when they are used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives, and its line in the group's help."""

    module: str
    help: str
    attribute: str = "command"
    hidden: bool = False


class LazyGroup(click.Group):
    """A group made from a table; its help needs no command's module."""

    def __init__(self, *args: Any, entries: dict[str, Entry] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entries = entries or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table, which is the order people need them in."""
        return [*self._entries, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(importlib.import_module(entry.module), entry.attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The table of commands: entries from their lines alone, then those that are imported already."""
        rows = [(name, entry.help) for name, entry in self._entries.items() if not entry.hidden]
        rows += [(name, found.get_short_help_str(60)) for name, found in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and name the closest one where there is none."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.list_commands(ctx):
            import difflib

            close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            advice = f', did you mean "{close[0]}"?' if close else ""
            raise click.UsageError(f'there is no command "{name}"{advice}', ctx=ctx)
        return super().resolve_command(ctx, args)
