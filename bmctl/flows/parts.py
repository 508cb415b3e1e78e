"""Parts that several operations share: looking first, booting the ramdisk, leaving it."""

from __future__ import annotations

from typing import Any

from bmctl.engine.plan import Task
from bmctl.engine.step import NoArgs
from bmctl.flows.request import Verb
from bmctl.flows.weave import Boot, Item
from bmctl.model.node import Node, Ready
from bmctl.model.steps import StepKind
from bmctl.steps import STEPS
from bmctl.steps.boot_from_media import BootFromMedia
from bmctl.steps.check_controller import CheckController
from bmctl.steps.learn_steps import LearnSteps
from bmctl.steps.release_machine import ReleaseMachine
from bmctl.steps.restore_power import RestorePower
from bmctl.steps.wait_for_agent import WaitForAgent
from bmctl.steps.wait_for_instance import WaitForInstance

CHECKS = "checks"
CHECKS_PRIORITY = 1000


def part(key: str, args: Any, part_of: str, reason: str, *, priority: int = 0, **more: Any) -> Task:
    """A task of a core step."""
    return Task(step=STEPS[key], args=args, part_of=part_of, priority=priority, reason=reason, **more)


def controller_check(node: Node, *, boots: bool = True) -> Task:
    """The look at the controller that every run begins with; `boots`: the ramdisk will be needed."""
    return part(
        "controller.check",
        CheckController(secure_boot=node.secure_boot if boots else None, boots=boots),
        CHECKS,
        "a controller that cannot must be known before power is touched",
        priority=CHECKS_PRIORITY,
    )


def booting(node: Node, *kinds: StepKind, in_use: bool = False) -> Boot:
    """Makes the tasks that boot the ramdisk, and ask its agent for its steps.

    Those of `kinds` are asked for first; the others cost little, and what they are is remembered. The
    system of a machine that is `in_use` is shut down before, not cut off.
    """
    asked = tuple(dict.fromkeys((*kinds, StepKind.CLEAN, StepKind.DEPLOY, StepKind.SERVICE)))

    def boot(item: Item, ended_by: str) -> tuple[Task, ...]:
        why = f"{ended_by} restarted the machine; " if ended_by else ""

        def one(key: str, args: Any, reason: str) -> Task:
            return part(key, args, item.key, why + reason, priority=item.priority, subject=ended_by)

        address, mode = node.network.address, node.boot_mode
        gently = in_use and not ended_by
        stop = ("power.shut_down" if gently else "power.power_off", NoArgs())
        return (
            one("media.build", NoArgs(), "carries the ramdisk and this machine's network"),
            one(*stop, "a running system may hold the old medium"),
            one("media.attach", NoArgs(), "the machine boots it without DHCP"),
            one("boot.set_boot_device", BootFromMedia(mode=mode), f"once, in {mode} mode"),
            one("power.power_on", NoArgs(), "starts the ramdisk"),
            one("agent.wait", WaitForAgent(), f"bmctl asks at {address}; nothing calls back"),
            one("agent.verify_machine", NoArgs(), "MACs must match before a disk is written"),
            one("agent.get_steps", LearnSteps(kinds=asked), "the agent's own steps are known then"),
        )

    return boot


def instance_wait(node: Node, ready: Ready, part_of: str, reason: str, *, priority: int = 0) -> Task:
    """The task that waits until the machine's own system answers, as `ready` says."""
    args = WaitForInstance(address=str(node.instance_network.address), port=ready.tcp, timeout=ready.timeout)
    return part("deploy.wait_for_instance", args, part_of, reason, priority=priority)


def leaving(part_of: str) -> tuple[Task, ...]:
    """The tasks that end a ramdisk which is not needed any more; the machine is off afterwards."""
    return (
        part("deploy.tear_down_agent", NoArgs(), part_of, "flush, then power off"),
        part("media.detach", NoArgs(), part_of, "or the machine would boot it again"),
    )


def left_behind(part_of: str) -> tuple[Task, ...]:
    """The tasks after a ramdisk that a step ended by restarting the machine; it is off afterwards."""
    return (
        part("reserved.power_off", NoArgs(), part_of, "the step before left it running"),
        part("media.detach", NoArgs(), part_of, "or the machine would boot it again"),
    )


def ending(part_of: str) -> Item:
    """The item after the last step: whatever ramdisk ran, the machine is off and its drive is empty."""
    return Item(key=part_of, tasks=leaving(part_of), gone=left_behind(part_of), ends_ramdisk=True)


def tidy_tasks(node: Node, verb: Verb, *, leave_running: bool = False) -> tuple[Task, ...]:
    """What is done when a run ends early. A machine that was only looked at goes on as it was before."""
    looked = verb in {Verb.INSPECT, Verb.LEARN} and not leave_running
    return (
        part("agent.collect_logs", NoArgs(), "tidy", "to see what went wrong"),
        part(
            "deploy.release_machine",
            ReleaseMachine(leave_running=leave_running),
            "tidy",
            "nothing may stay inserted",
        ),
        *(restoring(node, "tidy") if looked else ()),
    )


def tidy_aborted(node: Node, verb: Verb) -> tuple[Task, ...]:
    """What follows where an operator ended the run: a node in use goes on being used."""
    return restoring(node, "tidy") if verb is Verb.SERVICE else ()


def restoring(node: Node, part_of: str) -> tuple[Task, ...]:
    """The task that leaves the machine in the power state it was found in."""
    return (
        part("power.restore", RestorePower(mode=node.boot_mode), part_of, "on again where it was on before"),
    )


def network_notes(node: Node) -> tuple[str, ...]:
    """How the ramdisk boots and gets its address."""
    addresses = ", ".join(str(address) for address in node.network.addresses)
    return (
        f"boot: {node.boot} in {node.boot_mode} mode, since the controller fetches the medium by itself",
        f"network: {addresses} baked into the medium, no DHCP",
    )
