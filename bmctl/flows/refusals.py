"""What is wrong with the steps that somebody asks for, each with its place in the file.

Two looks make it: one before the ramdisk is up, when steps of an agent that was never asked are
pending, and one right after the agent has told its steps, when nothing is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bmctl.agent.known_steps import may_offer
from bmctl.engine.step import AnyStep
from bmctl.errors import InvalidError
from bmctl.flows.catalogue import find, lacking, name_of, offers
from bmctl.flows.step_arguments import wrong_arguments
from bmctl.inventory.text_values import meant, nearest
from bmctl.model.steps import (
    POWER_STEPS,
    Place,
    ReservedStep,
    StepKind,
    StepOffer,
    StepSource,
    WantedStep,
)
from bmctl.steps import STEPS

_LONGEST_WAIT = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One mistake in what is asked for. `message` starts with who asks; `place` None: it is in no file."""

    place: Place | None
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a node's steps when somebody asks for some.

    `offers` are those of `catalogue.offers`, made with this `description`. `agent_told` are the kinds
    whose steps an agent has told: for others a step that nobody offers is pending. `disallowed` are
    those that the inventory forbids.
    """

    offers: tuple[StepOffer, ...]
    description: Mapping[str, Any] | None = None
    agent_told: frozenset[StepKind] = frozenset()
    disallowed: Collection[str] = ()
    steps: Mapping[str, AnyStep] = field(default_factory=lambda: STEPS)


def know(
    *,
    description: Mapping[str, Any] | None,
    listings: Mapping[str, Mapping[str, Any]],
    disallowed: Collection[str] = (),
    steps: Mapping[str, AnyStep] = STEPS,
) -> Known:
    """What is known of a node: of its controller by enrolling, of its agent by what was remembered."""
    return Known(
        offers=offers(description=description, listings=listings, steps=steps),
        description=description,
        agent_told=frozenset(kind for kind in StepKind if kind in listings),
        disallowed=disallowed,
        steps=steps,
    )


def validate_all(wanted: Sequence[WantedStep], kind: StepKind, known: Known) -> tuple[Complaint, ...]:
    """All that is wrong with these steps, in the order given.

    In a deploy a step may be asked for once; for steps that come from several hands (templates, then the
    command line) give each hand's apart. Cleaning and service run steps in order, any of them twice.
    """
    found = [complaint for step in wanted for complaint in validate(step, kind, known)]
    return tuple(found) + (duplicates(wanted) if kind is StepKind.DEPLOY else ())


def validate(wanted: WantedStep, kind: StepKind, known: Known) -> tuple[Complaint, ...]:
    """What is wrong with one step; nothing where it is right, or pending.

    A step for child nodes is looked at with what is known of each child, and here only as far as
    it could not run on any.
    """
    if wanted.on_children:
        return tuple(_on_children(wanted))
    if wanted.key in known.disallowed:
        message = f"{wanted.key} is disallowed for this node (disallowed_steps)"
        return (_complaint(wanted, message),)
    offer = find(known.offers, kind, wanted.key)
    if offer is None:
        return () if is_pending(wanted, kind, known) else (_unknown(wanted, kind, known),)
    return (*_priority(wanted, kind), *_names(wanted, kind, offer), *_values(wanted, offer, known))


def is_pending(wanted: WantedStep, kind: StepKind, known: Known) -> bool:
    """Whether only the agent can tell if there is such a step, and has not been asked yet."""
    if kind is StepKind.VERIFY or kind in known.agent_told or wanted.reserved or wanted.on_children:
        return False
    if find(known.offers, kind, wanted.key) is not None:
        return False
    # What a controller is known to lack, the agent may have: software RAID is the case in point.
    return lacking(wanted.key, known.description, known.steps) is None or may_offer(kind, wanted.key)


def refuse(complaints: Iterable[Complaint], *, node: str) -> None:
    """Raise `InvalidError` with all complaints, each on its line; return where there is none."""
    told = [str(complaint) for complaint in complaints]
    hint = f"see: bmctl steps {node}"
    if not told:
        return
    if len(told) == 1:
        raise InvalidError(told[0], hint=hint)
    lines = "".join(f"\n  {line}" for line in told)
    raise InvalidError(f"{len(told)} mistakes in the steps asked for{lines}", hint=hint)


def duplicates(wanted: Iterable[WantedStep]) -> tuple[Complaint, ...]:
    """A complaint for each step that was asked for before in the same list."""
    first: dict[str, WantedStep] = {}
    found = []
    for step in wanted:
        before = first.setdefault(step.key, step)
        if before is not step:
            where = f"at {before.place}" if before.place else "before"
            by = f" ({before.origin})" if before.origin and before.origin != step.origin else ""
            found.append(_complaint(step, f"{step.key} is asked for twice, first {where}{by}"))
    return tuple(found)


def _on_children(wanted: WantedStep) -> Iterator[Complaint]:
    if wanted.reserved is not None and wanted.reserved not in POWER_STEPS:
        yield _complaint(wanted, f"{wanted.step} cannot run on child nodes")


def _unknown(wanted: WantedStep, kind: StepKind, known: Known) -> Complaint:
    if ability := lacking(wanted.key, known.description, known.steps):
        return _complaint(wanted, f"{wanted.key}: the node's controller does not offer {ability}")
    others = [other for other in StepKind if find(known.offers, other, wanted.key) is not None]
    if others:
        kinds = " and ".join(others)
        return _complaint(wanted, f"{wanted.key} is a step of {kinds}, not of {kind}")
    return _complaint(
        wanted, f"there is no {kind} step {wanted.key} on this node{_meant(wanted, kind, known)}"
    )


def _meant(wanted: WantedStep, kind: StepKind, known: Known) -> str:
    """The question whether another step was meant; of steps with one name the one of this interface."""
    offered = [offer for offer in known.offers if offer.kind is kind]
    offered.sort(key=lambda offer: offer.interface == wanted.interface)
    names = {offer.step: name_of(offer) for offer in offered}
    near = nearest(wanted.step, names)
    return meant(names[near] if near else None)


def _priority(wanted: WantedStep, kind: StepKind) -> Iterator[Complaint]:
    if kind is not StepKind.DEPLOY or wanted.priority is None:
        return
    if wanted.priority < 0:
        yield _complaint(wanted, f"{wanted.key}: a priority is 0 or more, not {wanted.priority}")
    elif wanted.key == "deploy.deploy" and wanted.priority > 0:
        yield _complaint(wanted, "deploy.deploy can be disabled with priority 0 and cannot be moved")


def _names(wanted: WantedStep, kind: StepKind, offer: StepOffer) -> Iterator[Complaint]:
    takes = [argument.name for argument in offer.arguments]
    for name in wanted.arguments:
        if name not in takes:
            yield _complaint(wanted, _unexpected(name_of(offer), name, takes), argument=name)
    if kind is StepKind.DEPLOY and wanted.priority == 0:
        return
    for argument in offer.arguments:
        if argument.required and argument.name not in wanted.arguments:
            yield _complaint(wanted, f'{name_of(offer)} needs the argument "{argument.name}"')


def _unexpected(step: str, name: str, takes: list[str]) -> str:
    if not takes:
        return f'{step} takes no arguments, not "{name}" either'
    advice = meant(nearest(name, takes)) or f": it takes {', '.join(takes)}"
    return f'{step} takes no argument "{name}"{advice}'


def _values(wanted: WantedStep, offer: StepOffer, known: Known) -> Iterator[Complaint]:
    if offer.source is StepSource.CONTROLLER:
        for name, wrong in wrong_arguments(known.steps[offer.key], wanted.arguments).items():
            yield _complaint(wanted, f'{offer.key}: argument "{name}"{_joined(wrong)}', argument=name)
    elif offer.step == ReservedStep.WAIT and offer.source is StepSource.RESERVED:
        seconds = wanted.arguments.get("seconds", 0)
        if not _is_wait(seconds):
            message = f"wait: seconds must be a number from 0 to {_LONGEST_WAIT:.0f}"
            yield _complaint(wanted, message, argument="seconds")


def _joined(wrong: str) -> str:
    """The mistake after the argument's name: of a place inside it after a colon."""
    return f" {wrong}" if wrong.startswith("must") else f": {wrong}"


def _is_wait(seconds: Any) -> bool:
    try:
        return not isinstance(seconds, bool) and 0 <= float(seconds) <= _LONGEST_WAIT
    except (TypeError, ValueError):
        return False


def _complaint(wanted: WantedStep, message: str, *, argument: str | None = None) -> Complaint:
    place = wanted.argument_places.get(argument, wanted.place) if argument else wanted.place
    told = wanted.origin and (place is None or place.file != wanted.origin)
    return Complaint(place=place, message=f"{wanted.origin}: {message}" if told else message)
