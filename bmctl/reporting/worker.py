"""Tells from a task's name whose work it is."""

from __future__ import annotations

from bmctl.reporting.story import Worker

_OWN_INTERFACES = frozenset({"image"})
_OWN_STEPS = frozenset({"media.build"})
_WAITS = ("wait", "hold")


def worker_of(key: str, *, needs_ramdisk: bool = False) -> Worker:
    """Whose time the task of this key takes; `needs_ramdisk` says that it talks to the agent."""
    step = step_of(key)
    interface, _, name = step.partition(".")
    if name.startswith(_WAITS):
        return Worker.MACHINE
    if needs_ramdisk or interface == "agent":
        return Worker.AGENT
    if interface in _OWN_INTERFACES or step in _OWN_STEPS:
        return Worker.BMCTL
    return Worker.CONTROLLER


def step_of(key: str) -> str:
    """The step's own name, without what the task does it for, on which node, and its number."""
    for mark in "#@:":
        key = key.partition(mark)[0]
    return key
