"""The deploy flow: from an empty machine to a booted operating system.

The core steps and their priorities are those of Ironic's direct deploy interface (deploy 100,
write_image 80, prepare_instance_boot 60, tear_down_agent 40, boot_instance 20); each is shown here
as the smaller steps it is made of. Nothing is done at `switch_to_tenant_network` (30): the machine
has one network from the first boot on. What templates, the operator and the agent want joins them by
priority.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bmctl.agent.root_disk import check_hints
from bmctl.engine.plan import Plan, Task, numbered
from bmctl.engine.step import NoArgs
from bmctl.errors import InvalidError
from bmctl.flows.core_steps import CORE_STEPS
from bmctl.flows.disk_fate import image_fates
from bmctl.flows.items import agent_item, controller_item, default_offers, rank, wanted_items
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import (
    CHECKS,
    CHECKS_PRIORITY,
    booting,
    controller_check,
    ending,
    instance_wait,
    left_behind,
    network_notes,
    part,
)
from bmctl.flows.power_order import in_power_order
from bmctl.flows.refusals import Complaint, refuse, validate_all
from bmctl.flows.request import Request, Verb
from bmctl.flows.weave import Item, weave
from bmctl.images.weakness import warnings_of
from bmctl.model.image import ImageSource
from bmctl.model.node import Node
from bmctl.model.steps import DeployTemplate, StepKind, StepSource, WantedStep
from bmctl.steps.boot_instance import BootInstance
from bmctl.steps.check_duplicates import CheckDuplicates
from bmctl.steps.check_image import CheckImage
from bmctl.steps.prepare_instance_boot import PrepareInstanceBoot
from bmctl.steps.read_back import ReadBack
from bmctl.steps.write_image import WriteImage

# The agent is there from after deploy (100) until before tear_down_agent (40).
HIGHEST_IN_BAND = 99
LOWEST_IN_BAND = 41

_PRIORITIES = {offer.key: offer.priority for offer in CORE_STEPS}
_BOOT = "deploy.deploy"
_WRITE = "deploy.write_image"
_PREPARE = "deploy.prepare_instance_boot"
_READ_BACK = "deploy.read_back"
_TEAR_DOWN = "deploy.tear_down_agent"
_START = "deploy.boot_instance"
_WAIT = "deploy.wait_for_instance"


def plan_deploy(node: Node, knowledge: Knowledge, request: Request) -> Plan:
    """The plan of a deploy.

    Raises `InvalidError` where the inventory lacks what a deploy needs, where a template or the operator
    asks for what cannot be, or the controller is known to lack what is needed.
    """
    templates = matching_templates(node, knowledge)
    wanted = _wanted(node, templates, request, knowledge)
    priorities = _core_priorities(node, wanted)
    image = _image(node) if priorities[_WRITE] else None
    items = [*_core_items(node, priorities, wanted), *_other_items(node, wanted, knowledge)]
    woven = weave(sorted(items, key=rank), booting(node, StepKind.DEPLOY))
    if woven.booted:
        _require_media(node, knowledge)
    tasks = (*_checks(node, image, boots=woven.booted), *_told_origin(woven.tasks, wanted))
    return Plan(
        node=node.name,
        verb=Verb.DEPLOY.value,
        tasks=numbered(in_power_order(node, tasks, knowledge)),
        notes=(*_notes(node, image, knowledge), *_template_notes(templates, priorities, wanted)),
    )


def matching_templates(node: Node, knowledge: Knowledge) -> tuple[DeployTemplate, ...]:
    """The templates whose traits were requested for this deploy, in the order of the inventory."""
    return tuple(one for one in knowledge.templates if one.name in node.instance.traits)


def _wanted(
    node: Node, templates: tuple[DeployTemplate, ...], request: Request, knowledge: Knowledge
) -> dict[str, WantedStep]:
    """What templates and the operator ask for, by step; the operator's word counts over a template's."""
    known = knowledge.of(node)
    of_templates = tuple(step for template in templates for step in template.steps)
    refuse(
        (
            *validate_all(of_templates, StepKind.DEPLOY, known),
            *validate_all(request.steps, StepKind.DEPLOY, known),
            *_without_priority(request.steps),
            *_out_of_reach((*of_templates, *request.steps), knowledge, node),
        ),
        node=node.name,
    )
    return {step.key: step for step in (*of_templates, *request.steps)}


def _without_priority(steps: tuple[WantedStep, ...]) -> Iterator[Complaint]:
    for step in steps:
        if step.priority is None:
            message = f"{step.origin}: {step.key} needs a priority: a deploy goes by them"
            yield Complaint(place=step.place, message=message)


def _out_of_reach(steps: tuple[WantedStep, ...], knowledge: Knowledge, node: Node) -> Iterator[Complaint]:
    """In-band steps outside of the time in which the agent is there."""
    offers = {offer.key: offer for offer in knowledge.of(node).offers if offer.kind is StepKind.DEPLOY}
    for step in steps:
        offer = offers.get(step.key)
        in_band = offer is not None and offer.source is StepSource.AGENT
        if in_band and step.priority and not LOWEST_IN_BAND <= step.priority <= HIGHEST_IN_BAND:
            message = (
                f"{step.origin}: {step.key} runs in the ramdisk, so its priority must be from"
                f" {LOWEST_IN_BAND} to {HIGHEST_IN_BAND}, not {step.priority}"
            )
            yield Complaint(place=step.place, message=message)


def _core_priorities(node: Node, wanted: dict[str, WantedStep]) -> dict[str, int]:
    """The priority of each core step that counts; 0 disables it."""
    found = {}
    for key, default in _PRIORITIES.items():
        priority = wanted[key].priority if key in wanted else node.step_priorities.deploy.get(key, default)
        found[key] = default if priority is None else priority
    if node.ready is None or not found[_START]:
        found[_WAIT] = 0
    return found


def _core_items(node: Node, priorities: dict[str, int], wanted: dict[str, WantedStep]) -> Iterator[Item]:
    if priority := priorities[_BOOT]:
        yield Item(key=_BOOT, priority=priority, needs_ramdisk=True)
    if priority := priorities[_WRITE]:
        yield _core(_WRITE, priority, _write_tasks(node, priority, wanted), needs_ramdisk=True)
    if priority := priorities[_PREPARE]:
        prepare = part(
            _PREPARE,
            PrepareInstanceBoot(mode=node.boot_mode),
            _PREPARE,
            "the firmware must find the system",
            priority=priority,
        )
        yield _core(_PREPARE, priority, (prepare,), needs_ramdisk=True)
    if priority := priorities[_TEAR_DOWN]:
        end = ending(_TEAR_DOWN)
        yield replace(
            end,
            priority=priority,
            tasks=_with_priority(end.tasks, priority),
            gone=_with_priority(end.gone or (), priority),
        )
    if priority := priorities[_START]:
        yield _core(_START, priority, tuple(_start_tasks(node, priorities)), ends_ramdisk=True)
    if (priority := priorities[_WAIT]) and node.ready is not None:
        wait = instance_wait(node, node.ready, _WAIT, "the deployed system must answer", priority=priority)
        yield _core(_WAIT, priority, (wait,))


def _core(
    key: str,
    priority: int,
    tasks: tuple[Task, ...],
    *,
    needs_ramdisk: bool = False,
    ends_ramdisk: bool = False,
) -> Item:
    return Item(
        key=key, tasks=tasks, priority=priority, needs_ramdisk=needs_ramdisk, ends_ramdisk=ends_ramdisk
    )


def _write_tasks(node: Node, priority: int, wanted: dict[str, WantedStep]) -> tuple[Task, ...]:
    drive = node.instance.config_drive
    look = "another disk with the same names could be booted or mounted"
    tasks = [
        part("agent.look_at_disks", NoArgs(), _WRITE, look),
        part(
            "deploy.check_duplicates",
            CheckDuplicates(policy=node.duplicate_filesystems, config_drive=drive),
            _WRITE,
            "none of them may be taken for the deployed system's",
        ),
        part(_WRITE, WriteImage(config_drive=drive), _WRITE, "everything on the chosen disk is lost"),
    ]
    if node.image is not None and node.image.read_back and _READ_BACK not in wanted:
        read = "what is on the disk is compared with the image"
        tasks.append(part(_READ_BACK, ReadBack(config_drive=drive), _WRITE, read))
    return _with_priority(tasks, priority)


def _with_priority(tasks: Iterable[Task], priority: int) -> tuple[Task, ...]:
    return tuple(replace(task, priority=priority) for task in tasks)


def _start_tasks(node: Node, priorities: dict[str, int]) -> Iterator[Task]:
    priority = priorities[_START]
    if not priorities[_TEAR_DOWN]:
        yield from _with_priority(left_behind(_START), priority)
    yield part(_START, BootInstance(mode=node.boot_mode), _START, "starts from disk", priority=priority)


def _other_items(node: Node, wanted: dict[str, WantedStep], knowledge: Knowledge) -> Iterator[Item]:
    """What was asked for besides the core steps, and what controller and agent do by themselves."""
    asked = tuple(step for key, step in wanted.items() if key not in _PRIORITIES and step.priority)
    yield from wanted_items(node, asked, StepKind.DEPLOY, knowledge)
    for offer, priority in default_offers(knowledge, node, StepKind.DEPLOY, node.step_priorities.deploy):
        if offer.key in wanted or offer.key in _PRIORITIES:
            continue
        if offer.source is StepSource.CONTROLLER:
            yield controller_item(
                WantedStep(interface=offer.interface, step=offer.step, priority=priority, origin="inventory"),
                offer,
            )
        else:
            item = agent_item(offer, priority=_reachable(priority), reason="")
            yield _by_itself(offer.priority, priority, item)


def _by_itself(default: int, priority: int, item: Item) -> Item:
    reason = "offered by the agent with this priority"
    if item.priority != priority:
        reason = f"offered by the agent with priority {priority}, when it does not run"
    elif priority != default:
        reason = "the inventory sets this priority"
    return replace(item, tasks=tuple(replace(task, reason=reason) for task in item.tasks))


def _reachable(priority: int) -> int:
    return min(max(priority, LOWEST_IN_BAND), HIGHEST_IN_BAND)


def _image(node: Node) -> ImageSource:
    if node.image is None:
        raise InvalidError("no image is named for this node", hint="set image: for the node or in defaults:")
    check_hints(node.root_device)
    return node.image


def _require_media(node: Node, knowledge: Knowledge) -> None:
    if knowledge.description and not knowledge.description.get("media_slots"):
        raise InvalidError(
            "this node's controller has no virtual media, by which it would boot",
            hint=f"if that has changed: bmctl enroll {node.name}",
        )


def _checks(node: Node, image: ImageSource | None, *, boots: bool) -> Iterator[Task]:
    if image is not None:
        yield part(
            "image.check",
            CheckImage(image=image),
            CHECKS,
            "a wrong image must never reach a disk",
            priority=CHECKS_PRIORITY,
        )
    yield controller_check(node, boots=boots)


def _told_origin(tasks: tuple[Task, ...], wanted: dict[str, WantedStep]) -> Iterator[Task]:
    """Core steps that somebody moved say who."""
    for task in tasks:
        by = wanted.get(task.part_of) if task.part_of in _PRIORITIES else None
        yield replace(task, origin=by.origin) if by is not None and task.origin == "core" else task


def _notes(node: Node, image: ImageSource | None, knowledge: Knowledge) -> Iterator[str]:
    yield from network_notes(node)
    if image is not None:
        yield f"image: {image.source}"
        yield from (f"warning: {text}" for text in warnings_of(image))
        yield from _read_back_note(image, knowledge)
        yield from image_fates(node, knowledge)


def _read_back_note(image: ImageSource, knowledge: Knowledge) -> Iterator[str]:
    listing = knowledge.listing(StepKind.DEPLOY)
    if not image.read_back:
        yield "read-back: not wanted for this image (read_back: false)"
    elif listing is not None and not any(step["step"] == "read_back" for step in listing["steps"]):
        yield "read-back: not available with this ramdisk"


def _template_notes(
    templates: tuple[DeployTemplate, ...], priorities: dict[str, int], wanted: dict[str, WantedStep]
) -> Iterator[str]:
    for template in templates:
        yield f"template {template.name}: its trait was requested"
    for key, priority in priorities.items():
        if not priority and key in wanted:
            yield f"{key}: disabled by {wanted[key].origin}"
