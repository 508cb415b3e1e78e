"""An inventory as it counts, and picking nodes from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from bmctl.errors import InvalidError
from bmctl.inventory.problems import Problem
from bmctl.inventory.text_values import close_match
from bmctl.model.image import ImageSource
from bmctl.model.inspection import InspectionRule
from bmctl.model.network import Address
from bmctl.model.node import Node
from bmctl.model.steps import DeployTemplate, Runbook

_PATTERN = frozenset("*?[")
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Every node in the order of the file, with what the file says beside them.

    `source` is the file itself, `base` its directory. `warnings` refuse nothing.
    """

    source: Path
    nodes: tuple[Node, ...]
    images: Mapping[str, ImageSource] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    templates: tuple[DeployTemplate, ...] = ()
    runbooks: tuple[Runbook, ...] = ()
    inspection_rules: tuple[InspectionRule, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def base(self) -> Path:
        """The directory that relative paths start from."""
        return self.source.absolute().parent

    @property
    def name_servers(self) -> tuple[Address, ...]:
        """The name servers of all nodes, each once."""
        return tuple(dict.fromkeys(server for node in self.nodes for server in node.network.dns))

    def node(self, name: str) -> Node:
        """The node of exactly this name; raises `InvalidError` where there is none."""
        found = next((node for node in self.nodes if node.name == name), None)
        if found is None:
            raise self._unknown("node", name, [node.name for node in self.nodes])
        return found

    def select(self, names: Iterable[str] = (), *, groups: Iterable[str] = ()) -> tuple[Node, ...]:
        """The nodes named, in the order of the file, each once; all of them where nothing is named.

        A name may be a pattern (`rack1-*`). With names and groups both, a node of either is taken.
        Raises `InvalidError` for a name, pattern or group that no node has.
        """
        names, groups = tuple(names), tuple(groups)
        if not names and not groups:
            return self.nodes
        chosen = {name for word in names for name in self._named(word)}
        for group in groups:
            chosen.update(self._grouped(group))
        return tuple(node for node in self.nodes if node.name in chosen)

    def runbook(self, name: str) -> Runbook:
        """The runbook of this name; raises `InvalidError` where there is none."""
        found = next((runbook for runbook in self.runbooks if runbook.name == name), None)
        if found is None:
            raise self._unknown("runbook", name, [runbook.name for runbook in self.runbooks])
        return found

    def templates_for(self, node: Node) -> tuple[DeployTemplate, ...]:
        """The templates that a node's instance asks for, in the order of the file."""
        return tuple(template for template in self.templates if template.name in node.instance.traits)

    def children(self, node: Node) -> tuple[Node, ...]:
        """The nodes directly inside a node, in the order of the file."""
        return tuple(child for child in self.nodes if child.parent == node.name)

    def _named(self, word: str) -> list[str]:
        if not _PATTERN & set(word):
            return [self.node(word).name]
        found = [node.name for node in self.nodes if fnmatchcase(node.name, word)]
        if not found:
            raise InvalidError(f'no node is named like "{word}"', hint=f"look at the nodes of {self.source}")
        return found

    def _grouped(self, group: str) -> list[str]:
        found = [node.name for node in self.nodes if node.group == group]
        if not found and group not in self.groups:
            raise self._unknown("group", group, self.groups)
        return found

    def _unknown(self, kind: str, name: str, known: Iterable[str]) -> InvalidError:
        known = tuple(known)
        message = f'there is no {kind} "{name}" in {self.source}'
        return InvalidError(message + close_match(name, known), hint=_choices(kind, known))


def _choices(kind: str, known: tuple[str, ...]) -> str:
    """What could have been meant, a few of it where there is much."""
    if not known:
        return f"the inventory has no {kind}s"
    rest = len(known) - _SHOWN
    return f"the {kind}s are {', '.join(known[:_SHOWN])}" + (f" and {rest} more" if rest > 0 else "")
