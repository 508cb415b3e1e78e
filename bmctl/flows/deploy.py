"""The deploy flow: from an empty machine to a booted operating system.

The core steps and their priorities are those of Ironic's direct deploy interface (deploy 100,
write_image 80, prepare_instance_boot 60, tear_down_agent 40, boot_instance 20); each is shown here
as the smaller steps it is made of. Nothing is done at `switch_to_tenant_network` (30): the machine
has one network from the first boot on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bmctl.agent.root_disk import check_hints
from bmctl.engine.plan import Plan, Task, numbered
from bmctl.engine.step import AnyStep, NoArgs
from bmctl.errors import InvalidError
from bmctl.flows.agent_tasks import agent_tasks, offers, rank
from bmctl.model.image import ImageSource
from bmctl.model.node import Node
from bmctl.steps import STEPS
from bmctl.steps.boot_from_media import BootFromMedia
from bmctl.steps.boot_instance import BootInstance
from bmctl.steps.check_controller import CheckController
from bmctl.steps.check_image import CheckImage
from bmctl.steps.prepare_instance_boot import PrepareInstanceBoot
from bmctl.steps.release_machine import ReleaseMachine
from bmctl.steps.wait_for_agent import WaitForAgent
from bmctl.steps.wait_for_instance import WaitForInstance
from bmctl.steps.write_image import WriteImage

CHECKS = "checks"
DEPLOY = "deploy.deploy"
PRIORITIES = {
    CHECKS: 1000,
    DEPLOY: 100,
    "deploy.write_image": 80,
    "deploy.prepare_instance_boot": 60,
    "deploy.tear_down_agent": 40,
    "deploy.boot_instance": 20,
    "deploy.wait_for_instance": 10,
}


def plan_deploy(
    node: Node,
    *,
    agent_steps: Mapping[str, Any] | None = None,
    description: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of a deploy.

    `agent_steps` is what an agent answered or is remembered to answer, `description` what the
    controller said when the node was enrolled. Raises `InvalidError` where the inventory lacks what a
    deploy needs, or the controller is known to lack it.
    """
    if description and not description.get("media_slots"):
        raise InvalidError(
            "this node's controller has no virtual media, by which it would boot",
            hint=f"if that has changed: bmctl enroll {node.name}",
        )
    if node.image is None:
        raise InvalidError("no image is named for this node", hint="set image: for the node or in defaults:")
    check_hints(node.root_device)
    boot = tuple(_boot_ramdisk(node))
    tasks = _core(node, node.image, boot)
    for offer in offers(agent_steps, core=PRIORITIES):
        tasks += agent_tasks(offer, boot)
    tasks.sort(key=rank)
    return Plan(node=node.name, verb="deploy", tasks=numbered(tuple(tasks)), notes=_notes(node, node.image))


def tidy_tasks(*, leave_running: bool = False) -> tuple[Task, ...]:
    """What is done when a deploy ends early."""
    return (
        _task("agent.collect_logs", NoArgs(), part_of="tidy", reason="to see what went wrong"),
        _task(
            "deploy.release_machine",
            ReleaseMachine(leave_running=leave_running),
            part_of="tidy",
            reason="nothing may stay inserted",
        ),
    )


def _core(node: Node, image: ImageSource, boot: tuple[Task, ...]) -> list[Task]:
    tasks = [*_checks(node, image), *boot, *_install(node)]
    if node.ready is not None:
        tasks.append(
            _task(
                "deploy.wait_for_instance",
                WaitForInstance(
                    address=str(node.instance_network.address),
                    port=node.ready.tcp,
                    timeout=node.ready.timeout,
                ),
                part_of="deploy.wait_for_instance",
                reason="the deployed system must answer",
            )
        )
    return tasks


def _checks(node: Node, image: ImageSource) -> list[Task]:
    return [
        _task("image.check", CheckImage(image=image), CHECKS, "a wrong image must never reach a disk"),
        _task(
            "controller.check",
            CheckController(secure_boot=node.secure_boot),
            CHECKS,
            "a controller that cannot must be known before power is touched",
        ),
    ]


def _boot_ramdisk(node: Node) -> list[Task]:
    return [
        _task("media.build", NoArgs(), DEPLOY, "carries the ramdisk and this machine's network"),
        _task("power.power_off", NoArgs(), DEPLOY, "a running system may hold the old medium"),
        _task("media.attach", NoArgs(), DEPLOY, "the machine boots it without DHCP"),
        _task(
            "boot.set_boot_device",
            BootFromMedia(mode=node.boot_mode),
            DEPLOY,
            f"once, in {node.boot_mode} mode",
        ),
        _task("power.power_on", NoArgs(), DEPLOY, "starts the ramdisk"),
        _task(
            "agent.wait", WaitForAgent(), DEPLOY, f"bmctl asks at {node.network.address}; nothing calls back"
        ),
        _task("agent.verify_machine", NoArgs(), DEPLOY, "MACs must match before a disk is written"),
        _task("agent.get_steps", NoArgs(), DEPLOY, "the agent's own steps join the plan"),
    ]


def _install(node: Node) -> list[Task]:
    mode = node.boot_mode
    return [
        _task(
            "deploy.write_image",
            WriteImage(config_drive=node.instance.config_drive),
            "deploy.write_image",
            "everything on the chosen disk is lost",
        ),
        _task(
            "deploy.prepare_instance_boot",
            PrepareInstanceBoot(mode=mode),
            "deploy.prepare_instance_boot",
            "the firmware must find the system",
        ),
        _task("deploy.tear_down_agent", NoArgs(), "deploy.tear_down_agent", "flush, then power off"),
        _task("media.detach", NoArgs(), "deploy.tear_down_agent", "or the machine would boot it again"),
        _task("deploy.boot_instance", BootInstance(mode=mode), "deploy.boot_instance", "starts from disk"),
    ]


def _task(key: str, args: Any, part_of: str, reason: str) -> Task:
    return Task(
        step=_step(key), args=args, part_of=part_of, priority=PRIORITIES.get(part_of, 0), reason=reason
    )


def _step(key: str) -> AnyStep:
    return STEPS[key]


def _notes(node: Node, image: ImageSource) -> tuple[str, ...]:
    hints = ", ".join(f"{key} {value}" for key, value in node.root_device.given().items())
    disk = f"the disk with {hints}" if hints else "the smallest disk of 4 GiB or more (no root_device given)"
    addresses = ", ".join(str(address) for address in node.network.addresses)
    return (
        f"boot: {node.boot} in {node.boot_mode} mode, since the controller fetches the medium by itself",
        f"network: {addresses} baked into the medium, no DHCP",
        f"image: {image.source}",
        f"disk: {disk}; everything on it is lost",
    )
