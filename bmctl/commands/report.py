"""`bmctl report`: one archive of a run for somebody else to read, or its timeline as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmctl.commands.errors_shown import show_warning
from bmctl.commands.history import find_story
from bmctl.commands.nodes import complete_nodes
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import BmctlError
from bmctl.model.amounts import size

if TYPE_CHECKING:
    from bmctl.inventory import Inventory
    from bmctl.model.node import Node
    from bmctl.reporting.archive import Report
    from bmctl.reporting.story import RunStory
    from bmctl.store.run_folder import RunFolder

EPILOG = """\b
Examples:
  bmctl report n1                      all that is known of its last run
  bmctl report n1 -o /tmp/n1.tar.gz
  bmctl report n1 --html n1.html       the timeline alone
  bmctl report n1 --run 20260314T150926Z-6f2a1c
"""


@click.command(epilog=EPILOG)
@click.argument("name", metavar="NODE", shell_complete=complete_nodes)
@click.option("--run", "run", metavar="ID", help="The run (default: the node's last).")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The archive (default: named after node and run).",
)
@click.option(
    "--html", metavar="FILE", type=click.Path(path_type=Path), help="Write the timeline alone, as a page."
)
@common_options
@click.pass_context
def command(ctx: click.Context, name: str, run: str | None, output: Path | None, html: Path | None) -> None:
    """Write one archive of a run: events, journal, agent logs, fetches, timeline.

    Passwords, tokens and keys are taken out. Names, addresses and serial numbers
    are not. The archive opens with README.txt, which says what is what.
    """
    from bmctl.reporting.archive import write_private, write_report

    if html is not None and output is not None:
        raise click.UsageError("-o names the archive and --html asks for the page alone: give one of them")
    settings = settings_of(ctx)
    report = _report(settings, find_story(settings, name, run))
    if html is not None:
        write_private(html, report.page().encode())
        _tell(settings, report, html)
        return
    target = output or Path(f"{report.name}.tar.gz")
    write_report(report, target)
    _tell(settings, report, target)


def _tell(settings: Settings, report: Report, target: Path) -> None:
    count = target.stat().st_size
    if settings.json:
        story = report.story
        click.echo(json.dumps({"node": story.node, "run": story.run, "file": str(target), "bytes": count}))
        return
    click.echo(f"{target} ({size(count)}): run {report.story.run}, {report.story.ending.value}")


def _report(settings: Settings, story: RunStory) -> Report:
    from bmctl.reporting.archive import Report
    from bmctl.reporting.inventory_entry import inventory_entry
    from bmctl.store.record import get_node
    from bmctl.store.run_folder import RunFolder

    store = settings.open_store()
    folder = RunFolder(store.directory.run(story.run))
    stored = get_node(store, story.node)
    inventory, node = _described(settings, story.node)
    return Report(
        story=story,
        folder=folder.path,
        record=stored.record.to_dict() if stored is not None else None,
        inventory=inventory_entry(node) if node is not None else None,
        plan=folder.read_plan(),
        secrets=(*_run_secrets(folder), *_password(settings, inventory, node)),
    )


def _described(settings: Settings, name: str) -> tuple[Inventory | None, Node | None]:
    """The node as the inventory describes it, where there still is such an inventory and such a node."""
    try:
        inventory = settings.load_inventory()
        return inventory, inventory.node(name)
    except BmctlError as error:
        show_warning(f"the report is without the inventory: {error.message}", node=name)
        return None, None


def _run_secrets(folder: RunFolder) -> tuple[str, ...]:
    """The secrets of a run that may be gone on with; one that is over has none left."""
    try:
        return tuple(folder.read_secrets().values())
    except BmctlError:
        return ()


def _password(settings: Settings, inventory: Inventory | None, node: Node | None) -> tuple[str, ...]:
    from bmctl.inventory.secret import resolve

    if inventory is None or node is None or node.bmc.password is None:
        return ()
    try:
        secret = resolve(node.bmc.password, environment=settings.environment, base=inventory.base)
    except BmctlError as error:
        show_warning(f"the controller's password was not looked for: {error.message}", node=node.name)
        return ()
    return (secret.reveal(),)
