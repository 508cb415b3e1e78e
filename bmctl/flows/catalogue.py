"""The steps that a node can run: of its controller, of the ramdisk's agent, and bmctl's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bmctl.agent.known_steps import known_step
from bmctl.engine.step import AnyStep, Offered
from bmctl.flows.core_steps import CORE_STEPS
from bmctl.flows.step_arguments import arguments_of
from bmctl.model.steps import (
    POWER_STEPS,
    ReservedStep,
    StepArgument,
    StepKind,
    StepOffer,
    StepSource,
)
from bmctl.steps import STEPS

_RESERVED = {
    ReservedStep.HOLD: "stops here until an operator says: bmctl unhold",
    ReservedStep.WAIT: "waits so many seconds; without, until the agent answers",
    ReservedStep.POWER_ON: "switches the machine on",
    ReservedStep.POWER_OFF: "switches the machine off",
    ReservedStep.REBOOT: "switches the machine off and on again",
}
_SECONDS = StepArgument(name="seconds", description="how long to wait", type="number")
_RUN_BY_BMCTL = (StepKind.CLEAN, StepKind.DEPLOY, StepKind.SERVICE)


def offers(
    *,
    description: Mapping[str, Any] | None,
    listings: Mapping[str, Mapping[str, Any]],
    steps: Mapping[str, AnyStep] = STEPS,
) -> tuple[StepOffer, ...]:
    """All steps that a node can run, those of one kind together, each key once a kind.

    `description` is what enrolling recorded of the controller; where it does not tell abilities, all
    steps of controllers are in. `listings` are the agent's answers by kind, as they are remembered; a
    kind that is missing has not been asked for. A step of the agent named like one of bmctl or of the
    controller is run by that, and left out.
    """
    found: list[StepOffer] = []
    for kind in StepKind:
        own = (*_core(kind), *_reserved(kind), *_controller(kind, description, steps))
        taken = {offer.key for offer in own}
        found += own
        found += (offer for offer in _agent(kind, listings.get(kind)) if offer.key not in taken)
    return tuple(found)


def find(found: Iterable[StepOffer], kind: StepKind, key: str) -> StepOffer | None:
    """The offer of a step named `interface.step`; of a reserved one its name is enough."""
    name = key.rpartition(".")[2]
    if name in frozenset(ReservedStep):
        key = name
    return next((offer for offer in found if offer.kind is kind and name_of(offer) == key), None)


def name_of(offer: StepOffer) -> str:
    """What people call a step: `interface.step`, and the name alone for a reserved one."""
    return offer.step if offer.source is StepSource.RESERVED else offer.key


def controller_steps(steps: Mapping[str, AnyStep] = STEPS) -> tuple[tuple[AnyStep, Offered], ...]:
    """The steps of controllers that may be asked for by name, whatever a controller is able to."""
    return tuple((step, step.offered) for step in steps.values() if step.offered is not None)


def lacking(
    key: str, description: Mapping[str, Any] | None, steps: Mapping[str, AnyStep] = STEPS
) -> str | None:
    """The ability that this step needs and the controller is known to lack."""
    step = steps.get(key)
    if step is None or step.offered is None or able(step.offered, description):
        return None
    return step.offered.ability


def able(offered: Offered, description: Mapping[str, Any] | None) -> bool:
    """Whether a controller has the ability, or has not told yet what it can."""
    abilities = (description or {}).get("abilities")
    return abilities is None or offered.ability in abilities


def _core(kind: StepKind) -> tuple[StepOffer, ...]:
    return CORE_STEPS if kind is StepKind.DEPLOY else ()


def _reserved(kind: StepKind) -> Iterator[StepOffer]:
    if kind not in _RUN_BY_BMCTL:
        return
    for step, description in _RESERVED.items():
        yield StepOffer(
            kind=kind,
            interface="power" if step in POWER_STEPS else "deploy",
            step=step,
            source=StepSource.RESERVED,
            arguments=(_SECONDS,) if step is ReservedStep.WAIT else (),
            description=description,
            abortable=step not in POWER_STEPS,
            reboots=step in POWER_STEPS,
            destroys=False,
        )


def _controller(
    kind: StepKind, description: Mapping[str, Any] | None, steps: Mapping[str, AnyStep]
) -> Iterator[StepOffer]:
    for step, offered in controller_steps(steps):
        if kind in offered.kinds and able(offered, description):
            yield StepOffer(
                kind=kind,
                interface=step.interface,
                step=step.name,
                source=StepSource.CONTROLLER,
                priority=offered.priorities.get(kind, 0),
                arguments=arguments_of(step.args),
                description=offered.description,
                abortable=offered.abortable,
                needs_ramdisk=step.needs_ramdisk,
                reboots=offered.reboots,
                destroys=step.destroys,
            )


def _agent(kind: StepKind, listing: Mapping[str, Any] | None) -> Iterator[StepOffer]:
    for step in (listing or {}).get("steps", ()):
        manager = step.get("manager", "")
        known = known_step(manager, f"{step['interface']}.{step['step']}")
        yield StepOffer(
            kind=kind,
            interface=step["interface"],
            step=step["step"],
            source=StepSource.AGENT,
            priority=step.get("priority", 0),
            arguments=tuple(_agent_arguments(step.get("arguments") or {})),
            description=known.does if known else "",
            abortable=step.get("abortable", False),
            needs_ramdisk=True,
            reboots=step.get("reboot_requested", False),
            destroys=known.destroys if known else None,
            manager=manager,
        )


def _agent_arguments(listed: Mapping[str, Mapping[str, Any]]) -> Iterator[StepArgument]:
    for name, about in listed.items():
        yield StepArgument(
            name=name,
            description=" ".join(str(about.get("description", "")).split()),
            required=bool(about.get("required")),
        )
