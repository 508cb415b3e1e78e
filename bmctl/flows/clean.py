"""The flows of cleaning: automated, by what controller and agent offer, and manual, by given steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bmctl.engine.plan import Plan, Task, numbered
from bmctl.errors import InvalidError
from bmctl.flows.disk_fate import erase_fates
from bmctl.flows.items import agent_item, controller_item, default_offers, rank, wanted_items
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import booting, controller_check, ending, network_notes
from bmctl.flows.power_order import in_power_order
from bmctl.flows.refusals import refuse, validate_all
from bmctl.flows.request import Request, Verb
from bmctl.flows.runbooks import asked_for, steps_of
from bmctl.flows.weave import Item, Woven, weave
from bmctl.model.node import Node
from bmctl.model.steps import StepKind, StepSource, WantedStep

END = "clean.end"

# Erasing whole disks takes hours, so it is asked for; wiping their metadata takes seconds.
DEFAULT_PRIORITIES: Mapping[str, int] = {"deploy.erase_devices": 0}
# What every released agent does by itself; stands in the plan until this one has told.
_ASSUMED = WantedStep(interface="deploy", step="erase_devices_metadata", priority=99, origin="agent")


def plan_provide(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan of automated cleaning, after which the node is available.

    A runbook named for the node's cleaning takes the place of the steps found by priority.
    """
    name = request.runbook or node.cleaning.runbook
    if name is not None:
        items = _asked_for(node, steps_of(name, node, knowledge), knowledge)
        return _plan(node, request.verb, items, knowledge, (f"runbook: {name}",))
    return _plan(node, request.verb, sorted(_automated(node, knowledge), key=rank), knowledge, ())


def plan_clean(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan of manual cleaning, in the order given. Raises `InvalidError` for steps that cannot be."""
    asked = asked_for(request, node, knowledge)
    items = _asked_for(node, asked.steps, knowledge)
    return _plan(node, request.verb, items, knowledge, asked.notes, without_ramdisk=asked.without_ramdisk)


def require_no_ramdisk(items: Sequence[Item]) -> None:
    """Raise `InvalidError` where an operator promised that no step needs the ramdisk, and one does."""
    for item in items:
        if item.needs_ramdisk:
            raise InvalidError(
                f"{item.key} runs in the ramdisk, which is not to be booted",
                hint="leave out --disable-ramdisk (disable_ramdisk of the runbook), or that step",
            )


def is_erasing(tasks: tuple[Task, ...]) -> bool:
    """Whether one of these tasks erases disks."""
    return any(task.is_destructive for task in tasks)


def _automated(node: Node, knowledge: Knowledge) -> Iterator[Item]:
    priorities = {**DEFAULT_PRIORITIES, **node.step_priorities.clean}
    for offer, priority in default_offers(knowledge, node, StepKind.CLEAN, priorities):
        changed = "the inventory sets this priority" if offer.key in node.step_priorities.clean else ""
        if offer.source is StepSource.CONTROLLER:
            wanted = WantedStep(
                interface=offer.interface, step=offer.step, priority=priority, origin="inventory"
            )
            yield controller_item(wanted, offer)
        else:
            yield agent_item(offer, priority=priority, reason=changed)
    if knowledge.listing(StepKind.CLEAN) is None and _is_assumed(node):
        yield from wanted_items(node, (_ASSUMED,), StepKind.CLEAN, knowledge)


def _is_assumed(node: Node) -> bool:
    """Whether the step that every agent runs by itself is one for this node."""
    disabled = node.step_priorities.clean.get(_ASSUMED.key) == 0
    return not disabled and _ASSUMED.key not in node.disallowed_steps


def _asked_for(node: Node, steps: tuple[WantedStep, ...], knowledge: Knowledge) -> tuple[Item, ...]:
    refuse(validate_all(steps, StepKind.CLEAN, knowledge.of(node)), node=node.name)
    return wanted_items(node, steps, StepKind.CLEAN, knowledge)


def _plan(
    node: Node,
    verb: Verb,
    items: Sequence[Item],
    knowledge: Knowledge,
    notes: tuple[str, ...],
    *,
    without_ramdisk: bool = False,
) -> Plan:
    if without_ramdisk:
        require_no_ramdisk(items)
    woven = weave((*items, ending(END)), booting(node, StepKind.CLEAN))
    tasks = (controller_check(node, boots=woven.booted), *woven.tasks)
    return Plan(
        node=node.name,
        verb=verb.value,
        tasks=numbered(in_power_order(node, tasks, knowledge)),
        notes=(*notes, *_notes(node, woven, knowledge)),
    )


def _notes(node: Node, woven: Woven, knowledge: Knowledge) -> Iterator[str]:
    if woven.booted:
        yield from network_notes(node)
    else:
        yield "boot: no step needs the ramdisk, so it is not booted"
    if is_erasing(woven.tasks):
        yield from erase_fates(node, knowledge)
