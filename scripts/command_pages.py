"""Writes the command reference, docs/cli.md, from the commands themselves.

    python scripts/command_pages.py [--check]

With `--check` it writes nothing, and ends with 1 where the page differs from the commands.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from bmctl.commands.main import command as top

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
WIDTH = 80
HEAD = """\
# Commands

Written by `make docs` from the commands' own help, which is `bmctl COMMAND --help`.
Options may stand before or after the command's name; those of [every command](#every-command) are told once.
"""
EVERY_COMMAND = """\
## Every command

| option | environment | meaning |
| --- | --- | --- |
| `-i`, `--inventory FILE` | `BMCTL_INVENTORY` | the inventory; `./inventory.yaml` where none is named |
| `--state DIR` | `BMCTL_STATE` | where bmctl keeps what it knows; the user's own state directory otherwise |
| `--json` | | JSON on stdout |
| `-v`, `--verbose` | | tell more |
| `--debug` | | show tracebacks |
| | `BMCTL_CACHE` | where ramdisks and prepared images are kept |
| | `NO_COLOR` | no colours, whatever its value |

| exit code | meaning | | exit code | meaning |
| --- | --- | --- | --- | --- |
| 0 | done | | 5 | controller or agent unreachable or refused |
| 1 | failed | | 6 | held: an operator must decide |
| 2 | wrong command line | | 7 | some machines done, some not |
| 3 | inventory or plan invalid, nothing touched | | 130 | interrupted |
| 4 | machine busy | | | |
"""
COMMON = frozenset({"inventory", "state", "as_json", "verbose", "debug", "help"})


def walk(group: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """A command and all below it, in the order of their groups' help."""
    yield group, context
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            if found is not None and not found.hidden:
                yield from walk(found, click.Context(found, info_name=name, parent=context))


def every_command() -> Iterator[tuple[click.Command, click.Context]]:
    """All commands, each with a context that formats its help as a terminal of 80 columns does."""
    return walk(top, click.Context(top, info_name="bmctl", max_content_width=WIDTH, terminal_width=WIDTH))


def without_common_options(command: click.Command, context: click.Context) -> str:
    """A command's help without the options that all have."""
    kept = [param for param in command.params if param.name not in COMMON]
    own = [param for param in kept if isinstance(param, click.Option)]
    full, command.params, command.add_help_option = command.params, kept, False
    try:
        text = command.get_help(context)
    finally:
        command.params, command.add_help_option = full, True
    return text if own else text.replace(" [OPTIONS]", "", 1)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for command, context in every_command():
        title = context.command_path
        level = "##" if title.count(" ") < 2 else "###"
        parts.append(
            f"{level} {title}\n\n```text\n{without_common_options(command, context).rstrip()}\n```\n"
        )
    return "\n".join([*parts, EVERY_COMMAND])


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    if arguments != ["--check"]:
        PAGE.write_text(page())
        return 0
    if PAGE.exists() and PAGE.read_text() == page():
        return 0
    print(f"{PAGE} differs from the commands; write it anew with: make docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
