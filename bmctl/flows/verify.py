"""The steps by which a controller is verified when its node is enrolled, managed or adopted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bmctl.drivers.abilities import Driver
from bmctl.engine.step import AnyStep
from bmctl.errors import BmctlError
from bmctl.flows.catalogue import able, controller_steps
from bmctl.model.event import EventKind, RunEvent
from bmctl.model.node import Node
from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps import STEPS

# Of two steps with one priority the one of the interface with the higher value goes first.
RANKS: Mapping[str, int] = MappingProxyType(
    {
        "power": 13,
        "management": 12,
        "firmware": 11,
        "inspect": 10,
        "deploy": 9,
        "boot": 8,
        "bios": 7,
        "raid": 6,
        "vendor": 5,
        "network": 4,
        "storage": 3,
        "console": 2,
        "rescue": 1,
    }
)


def verify_steps(
    node: Node, description: Mapping[str, Any] | None, steps: Mapping[str, AnyStep] = STEPS
) -> tuple[AnyStep, ...]:
    """The steps to run, in their order: those that the controller is able to and the operator wants.

    A priority of 0, by itself or in the node's `step_priorities`, leaves a step out.
    """
    priorities = {
        step.key: node.step_priorities.verify.get(step.key, offered.priorities.get(StepKind.VERIFY, 0))
        for step, offered in controller_steps(steps)
        if StepKind.VERIFY in offered.kinds and able(offered, description)
    }
    chosen = [
        key for key, priority in priorities.items() if priority > 0 and key not in node.disallowed_steps
    ]
    chosen.sort(key=lambda key: (-priorities[key], -RANKS.get(steps[key].interface, 0)))
    return tuple(steps[key] for key in chosen)


async def verify(node: Node, driver: Driver, steps: tuple[AnyStep, ...]) -> tuple[str, ...]:
    """Run the steps one by one and return what each warned of.

    Raises the error of the first that fails. A verify step looks at the controller alone: what else a
    step may touch is not there.
    """
    told: list[str] = []

    def tell(event: RunEvent) -> None:
        if event.kind is EventKind.WARNING:
            told.append(event.text)

    ports = _of_controller(node, driver)
    for step in steps:
        with ports.telling(step.key, tell):
            try:
                async with asyncio.timeout(step.budget):
                    await step.run(ports, step.args())
            except TimeoutError:
                error = BmctlError(f"no answer in {step.budget:.0f} s")
                raise _named(error, step) from None
            except BmctlError as error:
                raise _named(error, step) from error.__cause__
    return tuple(told)


def _named(error: BmctlError, step: AnyStep) -> BmctlError:
    """The same error with the step's name, and with the way to do without it."""
    around = f"to do without: step_priorities: {{verify: {{{step.key}: 0}}}}"
    error.message = f"{step.key}: {error.message}"
    error.hint = f"{error.hint}; {around}" if error.hint else around
    return error


def _of_controller(node: Node, driver: Driver) -> Ports:
    absent: Any = _Absent()
    return Ports(
        node=node,
        driver=driver,
        agent=absent,
        shelf=absent,
        medium=absent,
        images=absent,
        record=absent,
        folder=Path(),
    )


class _Absent:
    """Stands where a verify step has nothing to touch."""

    def __getattr__(self, name: str) -> Any:
        raise BmctlError(f"a verify step may touch the controller alone, and asked for {name}")
