"""`bmctl deploy`: bring machines to a booted operating system."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bmctl.commands.asked import asked_steps, steps_file_option
from bmctl.commands.plan_verb import Asked, plan_verb

EPILOG = """\b
Examples:
  bmctl deploy n1 n2              two machines side by side
  bmctl deploy -g rack1           every node of a group
  bmctl deploy n1 --rebuild       again, over a system that runs
  bmctl deploy n1 --hold-before deploy.write_image
  bmctl deploy --all --json       all nodes, events as JSON lines
"""


def rebuild_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--rebuild`."""
    return click.option(
        "--rebuild", is_flag=True, help="Also nodes that are active: what runs on them is lost."
    )(function)


@click.command(epilog=EPILOG)
@plan_verb("deploy", rebuild_option, steps_file_option)
def command(asked: Asked, *, rebuild: bool, steps_file: Path | None) -> int:
    """Bring machines to a booted operating system.

    Each node's image and controller are checked first; no machine is touched
    before all were looked at. Everything on the chosen disk is lost. Templates
    of the traits that a node requests join the steps, and those of --steps,
    which need a priority each. A run that was cut off goes on with: bmctl resume
    """
    from bmctl.flows.request import Request, Verb

    request = Request(verb=Verb.DEPLOY, rebuild=rebuild, steps=asked_steps((), steps_file))
    return asked.run(request)
