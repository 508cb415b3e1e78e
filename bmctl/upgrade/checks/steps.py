"""Templates and runbooks name steps that the nodes they are for offer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bmctl.model.steps import DeployTemplate, Runbook, StepKind, WantedStep
from bmctl.ramdisk.shelf import default_name
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look
from bmctl.upgrade.migrations import UNKNOWN_RAMDISK

if TYPE_CHECKING:
    from bmctl.flows.refusals import Complaint, Known
    from bmctl.model.node import Node


def _run(look: Look) -> Iterator[Finding]:
    inventory = look.inventory.inventory
    if not inventory.templates and not inventory.runbooks:
        return
    steps = _Steps(look)
    for template in inventory.templates:
        nodes = [node for node in look.nodes if template.name in node.instance.traits]
        yield from steps.complaints(template, template.steps, (StepKind.DEPLOY,), nodes)
    for runbook in inventory.runbooks:
        nodes = [node for node in look.nodes if runbook.is_for(node.traits)]
        yield from steps.complaints(runbook, runbook.steps, (StepKind.CLEAN, StepKind.SERVICE), nodes)


class _Steps:
    """What each node offers; nodes that are alike are looked at once."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._default = default_name(look.sources.cache / "ramdisks")
        self._known: dict[str, Known] = {}

    def complaints(
        self,
        asking: DeployTemplate | Runbook,
        wanted: tuple[WantedStep, ...],
        kinds: tuple[StepKind, ...],
        nodes: list[Node],
    ) -> Iterator[Finding]:
        """What is wrong in every kind of operation that the steps may be meant for."""
        for node in nodes:
            for complaint in self._wrong(wanted, kinds, self._of(node)):
                yield _finding(complaint, asking, node.name)
        if not nodes:
            for complaint in self._wrong(wanted, kinds, self._of(None)):
                yield _finding(complaint, asking, "")

    def _wrong(
        self, wanted: tuple[WantedStep, ...], kinds: tuple[StepKind, ...], known: Known
    ) -> tuple[Complaint, ...]:
        from bmctl.flows.refusals import validate_all

        found = [validate_all(wanted, kind, known) for kind in kinds]
        return min(found, key=len)

    def _of(self, node: Node | None) -> Known:
        """What is known of the node; of none in particular with None."""
        from bmctl.flows.refusals import know

        record = self._look.records.get(node.name, {}) if node else {}
        description = record.get("description") or None
        listings = self._listings(node, record) if node else {}
        disallowed = node.disallowed_steps if node else ()
        key = json.dumps(
            [(description or {}).get("abilities"), listings, list(disallowed)], sort_keys=True, default=str
        )
        if key not in self._known:
            self._known[key] = know(description=description, listings=listings, disallowed=disallowed)
        return self._known[key]

    def _listings(self, node: Node, record: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
        """What the agent of the node's present ramdisk told, else what one of an unknown ramdisk did."""
        from bmctl.flows.remembered import listings_of

        kept = record.get("listings") or {}
        if not isinstance(kept, dict):
            return {}
        ramdisk = self._look.ramdisks.get(node.ramdisk or self._default or "")
        digest = ramdisk.digest if ramdisk is not None and ramdisk.digest in kept else UNKNOWN_RAMDISK
        return listings_of(kept, digest)


def _finding(complaint: Complaint, asking: DeployTemplate | Runbook, node: str) -> Finding:
    return Finding(
        level=Level.FAILURE,
        text=complaint.message,
        remedy=f"see what it offers: bmctl steps {node}".strip() if node else "see: bmctl steps",
        node=node,
        place=str(complaint.place or asking.place or ""),
    )


CHECK = Check(name="steps", title="Templates and runbooks", run=_run)
