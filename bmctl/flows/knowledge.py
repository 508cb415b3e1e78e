"""What is known when a plan is made: of controller and agent, disks, relatives and templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from bmctl.flows.refusals import Known, know
from bmctl.model.node import Node
from bmctl.model.steps import DeployTemplate, Runbook, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All that a plan depends on besides the node itself and what is asked for.

    `description` is what the controller said at enrolment, None or empty where it was never asked.
    `listings` are the agent's steps by kind, remembered or just learnt; a kind that is missing is not
    known. `inspection` holds `hardware` and `disks` as the agent told them last. `parent` and
    `children` are the node's relatives in the inventory.
    """

    description: Mapping[str, Any] | None = None
    listings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    inspection: Mapping[str, Any] = field(default_factory=dict)
    templates: tuple[DeployTemplate, ...] = ()
    runbooks: tuple[Runbook, ...] = ()
    parent: Node | None = None
    children: tuple[Node, ...] = ()

    def with_listings(self, listings: Mapping[str, Mapping[str, Any]]) -> Self:
        """The same with what the agent has told since."""
        return replace(self, listings={**self.listings, **listings})

    def of(self, node: Node) -> Known:
        """What is known of the node's steps."""
        return know(
            description=self.description or None,
            listings=self.listings,
            disallowed=node.disallowed_steps,
        )

    def listing(self, kind: StepKind) -> Mapping[str, Any] | None:
        """The agent's steps of one kind, None where they are not known."""
        return self.listings.get(kind)

    def to_json(self) -> dict[str, Any]:
        """What a resume must know again to plan the same; the rest is in the inventory."""
        return {
            "description": dict(self.description or {}),
            "listings": {kind: dict(listing) for kind, listing in self.listings.items()},
        }

    def as_kept(self, data: Mapping[str, Any]) -> Self:
        """The same with what a run knew of controller and agent when it began."""
        return replace(self, description=data["description"], listings=data["listings"])
