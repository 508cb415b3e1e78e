"""Steps on the screen: tables of a node's, and all that is known of one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import click

from bmctl.commands.step_sheet import Sheet
from bmctl.commands.tables import show_pairs, show_table
from bmctl.flows.catalogue import controller_steps, name_of
from bmctl.model.amounts import duration
from bmctl.model.steps import ReservedStep, StepArgument, StepKind, StepOffer, StepSource

_HEADS = ("step", "priority", "from", "notes")


def show_sheet(sheet: Sheet, kind: str | None, *, verbose: bool) -> None:
    """Print the tables of a node, and where its steps were learnt."""
    for one in StepKind:
        rows = [offer for offer in sheet.of_kind(one) if offer.source is not StepSource.RESERVED]
        if kind not in {None, one.value} or not rows:
            continue
        click.echo(click.style(one.value, bold=True))
        heads = (*_HEADS, "what it does") if verbose else _HEADS
        show_table(heads, [_row(sheet, offer, verbose=verbose) for offer in rows])
        click.echo()
    if kind != StepKind.VERIFY:
        click.echo(f"everywhere but in verify: {', '.join(ReservedStep)}, which bmctl itself runs")
    for line in _where_from(sheet):
        click.echo(line)


def show_known(kind: str | None) -> None:
    """Print the steps of controllers, whichever node may have them, and what each needs."""
    found = [pair for pair in controller_steps() if kind is None or kind in pair[1].kinds]
    show_table(
        ("step", "kinds", "the controller must offer", "what it does"),
        [
            (
                step.key,
                ", ".join(one for one in StepKind if one in offered.kinds),
                offered.ability,
                f"{offered.description}; destroys data" if step.destroys else offered.description,
            )
            for step, offered in sorted(found, key=lambda pair: pair[0].key)
        ],
    )
    click.echo("\nThese are steps of controllers. With those of the ramdisk's agent: bmctl steps NODE")


def show_offers(sheet: Sheet, found: Iterable[StepOffer]) -> None:
    """Print all that is known of one step, once where its kinds do not differ in more than priority."""
    for same in _alike(found):
        first = same[0]
        click.echo(click.style(name_of(first), bold=True))
        show_pairs(
            [
                ("what it does", first.description or "not known to bmctl"),
                ("kinds", [f"{one.kind} (priority {_priority(sheet, one)})" for one in same]),
                ("from", _source(first)),
                ("notes", _notes(sheet, first) or "none"),
            ]
        )
        _show_arguments(first.arguments)
        click.echo()
    for line in _where_from(sheet):
        click.echo(line)


def _show_arguments(arguments: tuple[StepArgument, ...]) -> None:
    if not arguments:
        click.echo("It takes no arguments.")
        return
    show_table(
        ("argument", "type", "required", "description"),
        [
            (
                argument.name,
                argument.type or "not told",
                "yes" if argument.required else "",
                argument.description,
            )
            for argument in arguments
        ],
    )


def _alike(found: Iterable[StepOffer]) -> list[list[StepOffer]]:
    groups: dict[Any, list[StepOffer]] = {}
    for offer in found:
        alike = (offer.source, offer.arguments, offer.description, offer.abortable, offer.destroys)
        groups.setdefault(alike, []).append(offer)
    return list(groups.values())


def _row(sheet: Sheet, offer: StepOffer, *, verbose: bool) -> tuple[str, ...]:
    row = (name_of(offer), _priority(sheet, offer), _source(offer), _notes(sheet, offer))
    return (*row, offer.description) if verbose else row


def _priority(sheet: Sheet, offer: StepOffer) -> str:
    priority = sheet.priority(offer)
    return str(priority) if priority == offer.priority else f"{priority} (default {offer.priority})"


def _source(offer: StepOffer) -> str:
    names = {StepSource.RESERVED: "bmctl", StepSource.CORE: "bmctl"}
    return names.get(offer.source, offer.source.value)


def _notes(sheet: Sheet, offer: StepOffer) -> str:
    notes = {
        "disallowed": sheet.disallowed(offer),
        "destroys data": offer.destroys is True,
        "may destroy data": offer.destroys is None,
        "in ramdisk": offer.needs_ramdisk,
        "abortable": offer.abortable,
        "restarts the machine": offer.reboots,
    }
    return ", ".join(note for note, holds in notes.items() if holds)


def _where_from(sheet: Sheet) -> Iterator[str]:
    """Where each part of a sheet was learnt, and what would tell what is missing."""
    if sheet.node is None:
        return
    name = sheet.node.name
    if sheet.enrolled:
        yield "controller: as it was when the node was enrolled"
    else:
        yield f"controller: never asked, so all its steps are shown; to ask: bmctl enroll {name}"
    if sheet.told is None:
        which = f"ramdisk {sheet.digest[:12]}" if sheet.digest else "a ramdisk"
        yield f"agent: never asked in {which} on this node; to ask: bmctl steps {name} --live"
        if sheet.elsewhere:
            yield f"agent: asked in other ramdisks; to see: bmctl steps {name} --all-ramdisks"
        return
    age = duration(max(0.0, time.time() - sheet.told.when))
    release = sheet.told.agent or "of unknown release"
    yield f"agent: {release} in ramdisk {sheet.told.digest[:12]}, learnt {age} ago"
    missing = {StepKind.CLEAN, StepKind.DEPLOY, StepKind.SERVICE} - set(sheet.told.listings)
    if missing:
        kinds = ", ".join(sorted(missing))
        yield f"agent: not asked yet for its steps for {kinds}; to ask: bmctl steps {name} --live"
