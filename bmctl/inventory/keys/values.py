"""Single values that several subjects' keys have: names, traits, steps and priorities."""

from __future__ import annotations

from functools import partial
from typing import Annotated, TypeAlias

from bmctl.inventory import text_values
from bmctl.inventory.keys.base import described, reads
from bmctl.model.steps import INTERFACES

# Interfaces that have steps of verification or service, but none that a template or runbook may name.
_FURTHER = ("network", "inspect", "boot", "storage", "console", "rescue")

Name: TypeAlias = Annotated[str, reads(text_values.name), described(examples=("rack1-n1",))]
Trait: TypeAlias = Annotated[
    str,
    reads(text_values.trait),
    described(f"^{text_values.TRAIT}$", examples=("CUSTOM_SSD", "HW_CPU_X86_AVX2"), maxLength=255),
]
Priority: TypeAlias = Annotated[
    int, reads(text_values.priority), described(type="integer", minimum=0, maximum=999_999_999)
]
StepId: TypeAlias = Annotated[
    str,
    reads(partial(text_values.step_key, interfaces=tuple(INTERFACES))),
    described(examples=("deploy.erase_devices",)),
]
AnyStepId: TypeAlias = Annotated[
    str,
    reads(partial(text_values.step_key, interfaces=(*INTERFACES, *_FURTHER))),
    described(examples=("deploy.erase_devices",)),
]
