"""All that is known of the steps of one node, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from bmctl.agent.known_steps import may_offer
from bmctl.errors import InvalidError
from bmctl.flows.catalogue import find, name_of, offers
from bmctl.flows.remembered import Learnt, learnt
from bmctl.inventory.text_values import meant, nearest
from bmctl.model.node import Node
from bmctl.model.steps import INTERFACES, StepKind, StepOffer, StepSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All that is known of a node's steps; without a node, of those that any may have.

    `told` is what the agent of the ramdisk `digest` told, None where it was never asked; `elsewhere`
    counts the other ramdisks whose agents told theirs on this node.
    """

    node: Node | None
    offers: tuple[StepOffer, ...]
    digest: str | None = None
    told: Learnt | None = None
    elsewhere: int = 0
    enrolled: bool = False

    @classmethod
    def of(
        cls, node: Node, description: Mapping[str, Any], listings: Mapping[str, Any], digest: str | None
    ) -> Self:
        """The sheet of a node, from what its record keeps."""
        told = learnt(listings, digest)
        return cls(
            node=node,
            offers=offers(description=description, listings=told.listings if told else {}),
            digest=digest,
            told=told,
            elsewhere=len(listings) - (told is not None),
            enrolled=bool(description),
        )

    def priority(self, offer: StepOffer) -> int:
        """The priority that counts: the operator's where the inventory sets one."""
        if self.node is None:
            return offer.priority
        chosen: Mapping[str, int] = getattr(self.node.step_priorities, offer.kind, {})
        return chosen.get(offer.key, offer.priority)

    def of_kind(self, kind: StepKind) -> list[StepOffer]:
        """The steps of a kind in the order they would run; those that run only when asked for last."""
        return sorted((offer for offer in self.offers if offer.kind is kind), key=self._rank)

    def disallowed(self, offer: StepOffer) -> bool:
        """Whether the inventory forbids the step for this node."""
        return self.node is not None and offer.key in self.node.disallowed_steps

    def to_json(self, kind: str | None) -> dict[str, Any]:
        """The sheet for a program; `learnt` is in seconds since the epoch."""
        kinds = [one for one in StepKind if kind in {None, one.value}]
        return {
            "node": self.node.name if self.node else None,
            "enrolled": self.enrolled,
            "ramdisk": self.told.digest if self.told else self.digest,
            "agent": self.told.agent if self.told else None,
            "learnt": self.told.when if self.told else None,
            "agent_told": sorted(self.told.listings) if self.told else [],
            "steps": [self.offer_to_json(offer) for one in kinds for offer in self.of_kind(one)],
        }

    def offer_to_json(self, offer: StepOffer) -> dict[str, Any]:
        """One step for a program."""
        return {
            "kind": offer.kind.value,
            "interface": offer.interface,
            "step": offer.step,
            "source": offer.source.value,
            "priority": self.priority(offer),
            "default_priority": offer.priority,
            "description": offer.description,
            "arguments": [
                {
                    "name": argument.name,
                    "type": argument.type or None,
                    "required": argument.required,
                    "description": argument.description,
                }
                for argument in offer.arguments
            ],
            "destroys": offer.destroys,
            "needs_ramdisk": offer.needs_ramdisk,
            "abortable": offer.abortable,
            "reboots": offer.reboots,
            "disallowed": self.disallowed(offer),
            "manager": offer.manager or None,
        }

    def _rank(self, offer: StepOffer) -> tuple[Any, ...]:
        sources = (StepSource.CORE, StepSource.AGENT, StepSource.CONTROLLER, StepSource.RESERVED)
        return (
            -self.priority(offer),
            sources.index(offer.source),
            -INTERFACES.get(offer.interface, 0),
            offer.step,
        )


def without_node() -> Sheet:
    """The steps of controllers and of bmctl, whatever a node is able to."""
    return Sheet(node=None, offers=offers(description=None, listings={}))


def offers_named(sheet: Sheet, key: str) -> list[StepOffer]:
    """The offers of one step, of each kind that has it; `InvalidError` where none has."""
    found = [offer for kind in StepKind if (offer := find(sheet.offers, kind, key)) is not None]
    if found:
        return found
    if any(may_offer(kind, key) for kind in StepKind):
        message, hint = _of_the_agent(sheet, key)
        raise InvalidError(message, hint=hint)
    names = {name_of(offer) for offer in sheet.offers}
    where = f"on {sheet.node.name}" if sheet.node else "of a controller"
    hint = f"list them: bmctl steps {sheet.node.name if sheet.node else 'NODE'}"
    raise InvalidError(f"no step {key} is known {where}{meant(nearest(key, names))}", hint=hint)


def _of_the_agent(sheet: Sheet, key: str) -> tuple[str, str]:
    if sheet.node is None:
        return (
            f"{key} is a step of the ramdisk's agent, on some machines",
            f"see: bmctl steps show NODE {key}",
        )
    return f"no agent has told of {key} on {sheet.node.name}", f"see: bmctl steps {sheet.node.name}"
