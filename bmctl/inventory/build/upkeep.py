"""How a node is cleaned, which steps it takes, and which of its disks are left alone."""

from __future__ import annotations

from collections.abc import Sequence

from bmctl.inventory.keys.cleaning import CleaningKeys, StepPrioritiesKeys
from bmctl.inventory.keys.node import RootDeviceKeys
from bmctl.inventory.report import Notes
from bmctl.model.hints import RootDeviceHints
from bmctl.model.node import Cleaning, StepPriorities

# Thousands of nodes say nothing of these.
_CLEANING = Cleaning()
_PRIORITIES = StepPriorities()


def build_cleaning(keys: CleaningKeys | None) -> Cleaning:
    """How the node is cleaned; of the knobs those that were given."""
    if keys is None:
        return _CLEANING
    knobs = keys.knobs.model_dump(exclude_none=True) if keys.knobs else {}
    return Cleaning(automated=keys.automated, runbook=keys.runbook, knobs=knobs)


def build_priorities(keys: StepPrioritiesKeys | None) -> StepPriorities:
    """The operator's priorities."""
    return StepPriorities(**keys.model_dump()) if keys else _PRIORITIES


def skipped_devices(keys: Sequence[RootDeviceKeys], notes: Notes) -> tuple[RootDeviceHints, ...]:
    """The disks to leave alone; hints that name no disk are noted."""
    found = tuple(RootDeviceHints(**hints.model_dump()) for hints in keys)
    for position, hints in enumerate(found):
        if not hints.given() and not notes.is_refused("skip_block_devices", position):
            notes.wrong("skip_block_devices", position, message="names no disk; give one hint at least")
    return found
