"""From an inventory file to an `Inventory`, or to everything that is wrong with it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from bmctl.inventory.build.family import Child, check_family
from bmctl.inventory.build.image import build_image
from bmctl.inventory.build.inspection import build_rules
from bmctl.inventory.build.matching import StepLists
from bmctl.inventory.build.node import Surroundings, build_node
from bmctl.inventory.build.steps import build_runbook, build_template
from bmctl.inventory.build.trusted_keys import build_key
from bmctl.inventory.keys.image import ImageKeys
from bmctl.inventory.keys.node import NodeKeys
from bmctl.inventory.keys.top import InventoryKeys
from bmctl.inventory.parse import UnreadableError, parse
from bmctl.inventory.problems import InventoryError, Level, Problem
from bmctl.inventory.report import Notes, Report
from bmctl.inventory.secret import readable_by_all
from bmctl.inventory.selection import Inventory
from bmctl.inventory.text import read_text
from bmctl.inventory.text_values import close_match, kind_of
from bmctl.inventory.tree import Body, Items, Location, Mark, Tree, merge, without
from bmctl.model.image import ImageSource, TrustedKey
from bmctl.model.inspection import InspectionRule
from bmctl.model.node import Node
from bmctl.model.secret import SecretKind


def load(path: Path) -> Inventory:
    """The inventory in `path`; raises `InventoryError` with every mistake in it."""
    found = examine(path)
    if found.errors:
        raise InventoryError(path, found.errors)
    return found.inventory


def check(path: Path) -> tuple[Problem, ...]:
    """Everything that is wrong or doubtful about the inventory in `path`, in the order of the file."""
    try:
        return examine(path).problems
    except InventoryError as error:
        return error.problems


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Keep the cycle collector still: it would walk a tree of a million parts, and find no cycle in it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What could be read of an inventory, whatever is wrong with it.

    `root` is the file itself. `bodies` holds the keys of each node that could be read, by its name, with
    defaults and group merged in; they know where they stand in the file.
    """

    inventory: Inventory
    root: Body
    bodies: Mapping[str, Body]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What refuses the inventory."""
        return tuple(problem for problem in self.problems if problem.level is Level.ERROR)


class Completion(Protocol):
    """Makes an inventory of a file that is less than one."""

    def root(self, root: Body) -> Body:
        """The file's top mapping as that of an inventory."""

    def node(self, whole: Body) -> Body:
        """A node, defaults and group merged in, with what it lacks."""


@_collecting_later()
def examine(path: Path, completion: Completion | None = None) -> Examined:
    """Read as much of the inventory in `path` as can be; `InventoryError` where it is no mapping in YAML."""
    root, report = _tree(path)
    root = completion.root(root) if completion else root
    reading = _Reading(root=root, report=report, base=path.absolute().parent, completion=completion)
    reading.check_sections()
    images = reading.images()
    step_lists = reading.step_lists()
    around = Surroundings(base=reading.base, images=images, step_lists=step_lists)
    drafts = reading.drafts()
    built = [(draft.whole, node) for draft in drafts if (node := reading.node(draft, around))]
    reading.check_family(drafts)
    nodes = [node for _, node in built]
    _check_secrecy(path, nodes, report)
    inventory = Inventory(
        source=path,
        nodes=tuple(nodes),
        images={name: image for name, image in images.items() if image},
        groups=tuple(
            dict.fromkeys([*reading.section("groups"), *(node.group for node in nodes if node.group)])
        ),
        templates=tuple(step_lists.templates.values()),
        runbooks=tuple(step_lists.runbooks.values()),
        inspection_rules=reading.inspection_rules(),
        warnings=report.problems,
    )
    bodies = {node.name: body for body, node in built}
    return Examined(inventory=inventory, root=root, bodies=bodies, problems=report.problems)


def _tree(path: Path) -> tuple[Body, Report]:
    """The file's top mapping, with the YAML's own flaws noted."""
    text = read_text(path)
    try:
        tree, mark, flaws = parse(text)
    except UnreadableError as error:
        raise _refusal(path, error.flaw.mark, error.flaw.message) from error
    if tree is None:
        raise InventoryError(
            path, [Problem(file=str(path), message="is empty; an inventory lists its machines in nodes")]
        )
    if not isinstance(tree, Body):
        raise _refusal(path, mark, f"an inventory is a mapping with the key nodes, not {kind_of(tree)}")
    report = Report(path, tree)
    for flaw in flaws:
        report.about_key(flaw.mark, flaw.message)
    return tree, report


def _refusal(path: Path, mark: Mark, message: str) -> InventoryError:
    return InventoryError(path, [Problem(file=str(path), line=mark[0], column=mark[1], message=message)])


@dataclass(frozen=True, slots=True)
class _Draft:
    """A node as it stands in the file and as it counts with defaults and group merged in."""

    location: Location
    own: Body
    whole: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One pass over one file."""

    root: Body
    report: Report
    base: Path
    completion: Completion | None = None

    def section(self, name: str) -> Body:
        """A top-level mapping, empty where it is missing or not a mapping."""
        value = self.root.get(name)
        return value if isinstance(value, Body) else Body(self.root.mark)

    def check_sections(self) -> None:
        """Note what is wrong outside `nodes`: unknown keys, shapes, and every default and shared part."""
        rest = merge(self.root)
        nodes = rest.pop("nodes", None)
        notes = Notes(self.report, rest, self.root, ())
        try:
            InventoryKeys.model_validate(rest)
        except ValidationError as error:
            notes.refused(error, InventoryKeys)
        if "nodes" not in self.root:
            notes.missing("nodes", message="is missing: the list of machines")
        elif isinstance(nodes, str):
            self.report.about_value(self.root.values_at["nodes"], "must be a list of machines, not text")

    def images(self) -> dict[str, ImageSource | None]:
        """The entries of `images`; None for one that is wrong."""
        trusted = self.trusted_keys()
        return {name: self._image(name, value, trusted) for name, value in self.section("images").items()}

    def trusted_keys(self) -> dict[str, TrustedKey | None]:
        """The entries of `keys`; None for one that is wrong."""
        section = self.section("keys")
        notes = Notes(self.report, section, section, ("keys",))
        return {
            name: build_key(name, value.strip(), self.base, notes) if isinstance(value, str) else None
            for name, value in section.items()
        }

    def _image(self, name: str, value: Tree, trusted: Mapping[str, TrustedKey | None]) -> ImageSource | None:
        body = value if isinstance(value, Body) else Body(self.section("images").values_at[name])
        try:
            keys = ImageKeys.model_validate(merge(body))
        except ValidationError:
            return None  # check_sections has noted why
        notes = Notes(self.report, body, body, ("images", name))
        return build_image(name, keys, trusted, self.base, notes)

    def step_lists(self) -> StepLists:
        """The entries of `templates` and `runbooks`, with those of their steps that are right."""
        templates, runbooks = self.section("templates"), self.section("runbooks")
        return StepLists(
            templates={name: build_template(name, templates, self.report) for name in _entries(templates)},
            runbooks={name: build_runbook(name, runbooks, self.report) for name in _entries(runbooks)},
        )

    def inspection_rules(self) -> tuple[InspectionRule, ...]:
        """The entries of `inspection_rules` that are right."""
        rules = self.root.get("inspection_rules")
        return tuple(build_rules(rules, self.report)) if isinstance(rules, Items) else ()

    def check_family(self, drafts: list[_Draft]) -> None:
        """Note what is wrong between nodes that hold one another, whatever else is wrong with them."""
        names = [name.strip() for draft in drafts if isinstance(name := draft.whole.get("name"), str)]
        children = [
            Child(
                name=str(draft.whole.get("name")).strip(),
                parent=parent.strip(),
                notes=Notes(self.report, draft.whole, draft.own, draft.location),
            )
            for draft in drafts
            if isinstance(parent := draft.whole.get("parent"), str)
        ]
        check_family(names, children, self.section("runbooks"), self.report)

    def drafts(self) -> list[_Draft]:
        """Every node that is a mapping."""
        match self.root.get("nodes"):
            case Items() as nodes:
                bodies = [self._own(("nodes", at), body, nodes.marks[at]) for at, body in enumerate(nodes)]
            case Body() as nodes:
                bodies = [self._named(name, body, nodes) for name, body in nodes.items()]
            case _:
                bodies = []
        return [_Draft(location, own, self._whole(own)) for location, own in bodies if own is not None]

    def _own(self, location: Location, value: Tree, mark: Mark) -> tuple[Location, Body | None]:
        if isinstance(value, Body):
            return location, value
        self.report.about_value(
            mark, f"a machine is a mapping with name, bmc and network, not {kind_of(value)}"
        )
        return location, None

    def _named(self, name: str, value: Tree, nodes: Body) -> tuple[Location, Body | None]:
        """A node of the mapping form, with its name put in."""
        location, own = self._own(("nodes", name), value, nodes.values_at[name])
        if own is None:
            return location, None
        if "name" in own:
            self.report.about_key(own.keys_at["name"], "the name stands before the colon already")
        named = merge(own)
        named.put("name", name, key_at=nodes.keys_at[name], value_at=nodes.keys_at[name])
        return location, named

    def _whole(self, own: Body) -> Body:
        defaults = self.section("defaults")
        name = own["group"] if "group" in own else defaults.get("group")
        whole = merge(defaults, self._group(name, own), own)
        for holder in (whole, whole.get("instance")):
            if isinstance(holder, Body):
                self._take_over(holder)
        return self.completion.node(whole) if self.completion else whole

    def _group(self, name: Tree, own: Body) -> Body:
        """What the node's group gives; groups that only name nodes need no entry where no group has one."""
        groups = self.section("groups")
        if not isinstance(name, str) or not groups:
            return Body(own.mark)
        if name not in groups:
            holder = own if "group" in own else self.section("defaults")
            mark = holder.values_at["group"]
            self.report.about_value(mark, f'there is no group "{name}" in groups{close_match(name, groups)}')
        given = groups.get(name)
        return given if isinstance(given, Body) else Body(own.mark)

    def _take_over(self, holder: Body) -> None:
        """Put the entry of `networks` that a network uses underneath it."""
        network = holder.get("network")
        if not isinstance(network, Body) or not isinstance(name := network.get("use"), str):
            return
        shared = self.section("networks")
        if isinstance(below := shared.get(name), Body):
            whole = merge(below, network)
            whole.mark = network.mark
            holder["network"] = whole
        elif name not in shared:
            message = f'there is no network "{name}" in networks{close_match(name, shared)}'
            self.report.about_value(network.values_at["use"], message)

    def node(self, draft: _Draft, around: Surroundings) -> Node | None:
        """The node a draft describes; None where it is wrong."""
        notes = Notes(self.report, draft.whole, draft.own, draft.location)
        keys: NodeKeys | None
        try:
            keys = NodeKeys.model_validate(draft.whole)
        except ValidationError as error:
            notes.refused(error, NodeKeys)
            keys = self._what_is_left(draft, notes)
        return build_node(keys, around, notes) if keys else None

    def _what_is_left(self, draft: _Draft, notes: Notes) -> NodeKeys | None:
        """A wrong node without its wrong parts, so that all its other mistakes are found in the same pass."""
        rest = merge(without(draft.whole, notes.refusals))
        if "name" not in rest:
            rest.put("name", f"nameless-{draft.location[-1]}", key_at=rest.mark, value_at=rest.mark)
        try:
            return NodeKeys.model_validate(rest)
        except ValidationError:
            return None


def _entries(section: Body) -> list[str]:
    """Names of the entries that are mappings, or that have nothing in them."""
    return [name for name, value in section.items() if value is None or isinstance(value, Body)]


def _check_secrecy(path: Path, nodes: list[Node], report: Report) -> None:
    """Warn where everybody on this host may read passwords in the inventory itself."""
    secrets = (node.bmc.password for node in nodes)
    literal = any(secret is not None and secret.kind is SecretKind.LITERAL for secret in secrets)
    if literal and readable_by_all(path):
        message = f"holds a password and may be read by everybody; run: chmod o-r {path}"
        report.whole(message, level=Level.WARNING)
