"""The upgrade checks, one per file, and the table that names them all, in the order they are told."""

from __future__ import annotations

from bmctl.upgrade.check import Check
from bmctl.upgrade.checks import (
    agent_version,
    boot_files,
    boot_mode,
    checksums,
    defaults,
    drivers,
    held,
    inventory,
    inventory_keys,
    loaders,
    locks,
    ramdisks,
    records,
    runs,
    secrets,
    state_schema,
    steps,
    tls,
)

CHECKS: dict[str, Check] = {
    module.CHECK.name: module.CHECK
    for module in (
        state_schema,
        records,
        inventory,
        inventory_keys,
        defaults,
        drivers,
        ramdisks,
        agent_version,
        loaders,
        boot_files,
        steps,
        locks,
        runs,
        held,
        checksums,
        secrets,
        tls,
        boot_mode,
    )
}
