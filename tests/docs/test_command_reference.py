"""Each command's help, and the page that is written from it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "command_pages.py"
_spec = importlib.util.spec_from_file_location("command_pages", SCRIPT)
command_pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(command_pages)

COMMANDS = list(command_pages.every_command())
each_command = pytest.mark.parametrize(
    ("command", "context"), COMMANDS, ids=[context.command_path for _, context in COMMANDS]
)


def test_the_page_is_what_the_commands_say():
    assert command_pages.PAGE.read_text() == command_pages.page(), "write it anew with: make docs"


@each_command
def test_help_fits_80_columns(command, context):
    assert [line for line in command.get_help(context).splitlines() if len(line) > 80] == []


@each_command
def test_help_has_an_example(command, context):
    assert "\n  Examples:\n" in command.get_help(context)
    if not isinstance(command, click.Group):
        examples = [line.strip() for line in command.epilog.splitlines()]
        assert any(context.command_path in line for line in examples), f"no example of {context.command_path}"


@each_command
def test_help_says_what_the_command_does(command, context):
    assert command.help
    assert all(param.help for param in command.params if isinstance(param, click.Option) and not param.hidden)
