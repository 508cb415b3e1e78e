"""`bmctl steps`: the steps that a node can run, from its controller, its agent and bmctl itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from bmctl.commands.conducting import serving_options
from bmctl.commands.nodes import complete_nodes
from bmctl.commands.settings import Settings, common_options, settings_of
from bmctl.errors import ExitCode

if TYPE_CHECKING:
    from bmctl.commands.step_sheet import Sheet

KINDS = ("verify", "clean", "deploy", "service")

EPILOG = """\b
Examples:
  bmctl steps                     steps of controllers, and what each needs
  bmctl steps n1                  every step that n1 can run
  bmctl steps n1 --kind clean -v  those for cleaning, and what they do
  bmctl steps show n1 deploy.erase_devices_metadata
"""
LIST_EPILOG = """\b
Examples:
  bmctl steps list n1             the same as: bmctl steps n1
  bmctl steps n1 --live           boot the ramdisk and ask its agent
  bmctl steps n1 --json
"""
SHOW_EPILOG = """\b
Examples:
  bmctl steps show n1 deploy.erase_devices_metadata
  bmctl steps show bios.apply_configuration
"""


class _ListsByDefault(click.Group):
    """`list` is meant where no command is named: `bmctl steps n1`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command's name in front where there is none."""
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListsByDefault, epilog=EPILOG)
def command() -> None:
    """List the steps a node can run, and show what each does.

    Without a command this lists: bmctl steps [NODE] is bmctl steps list [NODE].
    """


@command.command("list", epilog=LIST_EPILOG)
@click.argument("name", metavar="[NODE]", required=False, shell_complete=complete_nodes)
@click.option("--kind", type=click.Choice(KINDS), help="Steps of this kind alone.")
@click.option("--all-ramdisks", is_flag=True, help="What each ramdisk's agent told, not one alone.")
@click.option("--live", is_flag=True, help="Boot the ramdisk and ask its agent now.")
@serving_options
@common_options
@click.pass_context
def list_steps(
    ctx: click.Context,
    name: str | None,
    kind: str | None,
    all_ramdisks: bool,
    live: bool,
    advertise: str | None,
    listen_port: int,
) -> int:
    """List every step that a node can run.

    The steps of a ramdisk's agent are those that it told on this node last. With
    --live it is asked anew: the machine boots the ramdisk, nothing is written,
    and its power is left as it was found. A machine in use is not asked.
    Without NODE there are the steps of controllers, and what each needs.
    """
    from bmctl.commands.steps_shown import show_known, show_sheet

    settings = settings_of(ctx)
    if live:
        if name is None:
            raise click.UsageError("name the node whose agent is to be asked")
        failed = _learn(settings, name, port=listen_port, advertise=advertise)
        if failed:
            return failed
    if name is None and not settings.json:
        show_known(kind)
        return ExitCode.DONE
    found = sheets(settings, name, all_ramdisks=all_ramdisks)
    if settings.json:
        told = [sheet.to_json(kind) for sheet in found]
        click.echo(json.dumps(told if all_ramdisks else told[0], indent=2))
        return ExitCode.DONE
    for sheet in found:
        show_sheet(sheet, kind, verbose=settings.verbosity > 0)
    return ExitCode.DONE


@command.command("show", epilog=SHOW_EPILOG)
@click.argument("words", metavar="[NODE] INTERFACE.STEP", nargs=-1, required=True)
@common_options
@click.pass_context
def show(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show one step: what it does, its arguments, and where it is from."""
    from bmctl.commands.step_sheet import offers_named
    from bmctl.commands.steps_shown import show_offers

    if len(words) > 2:
        raise click.UsageError("a node and a step are all that can be shown at a time")
    settings = settings_of(ctx)
    sheet = sheets(settings, words[0] if len(words) == 2 else None)[0]
    offers = offers_named(sheet, words[-1])
    if settings.json:
        click.echo(json.dumps([sheet.offer_to_json(offer) for offer in offers], indent=2))
        return
    show_offers(sheet, offers)


def sheets(settings: Settings, name: str | None, *, all_ramdisks: bool = False) -> list[Sheet]:
    """What is known of a node's steps: with the ramdisk it would boot, or with each that it ever did."""
    from bmctl.commands.step_sheet import Sheet, without_node
    from bmctl.ramdisk.shelf import find_digest
    from bmctl.store.record import get_node

    if name is None:
        return [without_node()]
    node = settings.load_inventory().node(name)
    stored = get_node(settings.open_store(), name) if settings.find_state().exists() else None
    description = stored.record.description if stored else {}
    told = stored.record.listings if stored else {}
    booted = find_digest(settings.find_cache() / "ramdisks", node.ramdisk)
    digests = sorted(told) if all_ramdisks and told else [booted]
    return [Sheet.of(node, description, told, digest) for digest in digests]


def _learn(settings: Settings, name: str, *, port: int, advertise: str | None) -> int:
    """Let the node's agent tell its steps; 0 where it did. All that is shown goes to stderr."""
    from bmctl.commands.conducting import Conducting, conducted, exit_code
    from bmctl.commands.errors_shown import show_error
    from bmctl.conduct.conductor import Options
    from bmctl.flows.request import Request, Verb
    from bmctl.wire import Serving

    inventory = settings.load_inventory()
    conducting = Conducting(
        settings=replace(settings, json=False),
        inventory=inventory,
        nodes=(inventory.node(name),),
        verb="steps",
        options=Options(),
        serving=Serving(port=port, advertise=advertise),
    )
    outcomes = conducted(conducting, lambda conductor, nodes: conductor.run(nodes, Request(verb=Verb.LEARN)))
    for outcome in outcomes:
        if outcome.error is not None:
            show_error(outcome.error, node=name)
    return exit_code(outcomes)
