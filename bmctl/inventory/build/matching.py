"""Which templates and runbooks a node gets, and what cannot stand together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bmctl.inventory.report import Notes
from bmctl.inventory.text_values import close_match
from bmctl.inventory.tree import Location, Mark
from bmctl.model.steps import DeployTemplate, Runbook, WantedStep


@dataclass(slots=True, kw_only=True)
class StepLists:
    """The inventory's templates and runbooks, and what nodes take of them.

    A mistake is told once at each place, with the first node it is one for: a trait that `defaults`
    ask for may be lacked by every node.
    """

    templates: Mapping[str, DeployTemplate] = field(default_factory=dict)
    runbooks: Mapping[str, Runbook] = field(default_factory=dict)
    _seen_together: set[tuple[str, ...]] = field(default_factory=set)
    _told: set[Mark] = field(default_factory=set)

    def check_requested(
        self, node: str, traits: Iterable[str], requested: tuple[str, ...], notes: Notes
    ) -> None:
        """Note requested traits that the node lacks, and templates for it that name one step twice."""
        has = frozenset(traits)
        for position, trait in enumerate(requested):
            if trait not in has:
                message = f"{trait} is none of {node}'s traits{close_match(trait, has)}"
                self._tell(notes, ("instance", "traits", position), message)
        names = tuple(name for name in self.templates if name in requested)
        if len(names) > 1 and names not in self._seen_together:
            self._seen_together.add(names)
            self._check_together(node, [self.templates[name] for name in names], notes)

    def _check_together(self, node: str, templates: Iterable[DeployTemplate], notes: Notes) -> None:
        first: dict[str, WantedStep] = {}
        for template in templates:
            for step in template.steps:
                earlier = first.setdefault(step.key, step)
                if earlier.origin != step.origin and step.place:
                    message = (
                        f"{step.key} is a step of {earlier.origin} too ({earlier.place}), "
                        f"and {node} asks for both templates"
                    )
                    self._tell_at(notes, (step.place.line, step.place.column), message)

    def check_runbook(self, node: str, traits: tuple[str, ...], name: str, notes: Notes) -> None:
        """Note where the runbook of a node's cleaning is unknown or not for the node."""
        runbook = self.runbooks.get(name)
        if runbook is None:
            message = f'there is no runbook "{name}" in runbooks{close_match(name, self.runbooks)}'
        elif not runbook.is_for(traits):
            wanted = " or ".join(runbook.traits or (name,))
            message = f'the runbook "{name}" is for nodes with the trait {wanted}, which {node} lacks'
        else:
            return
        self._tell(notes, ("cleaning", "runbook"), message)

    def _tell(self, notes: Notes, steps: Location, message: str) -> None:
        self._tell_at(notes, notes.mark(*steps), message)

    def _tell_at(self, notes: Notes, mark: Mark, message: str) -> None:
        if mark not in self._told:
            self._told.add(mark)
            notes.report.about_value(mark, message)
