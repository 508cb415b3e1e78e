"""Weaves boots of the ramdisk into a list of steps: one before each that needs a ramdisk and has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bmctl.engine.plan import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A step of an operation: its tasks, and what it means for the ramdisk.

    `ends_ramdisk` says that a ramdisk which ran before is gone afterwards. An item that `starts` the
    machine does no more than that: where a later one needs the ramdisk, booting it takes its place.
    `gone`, where given, are the tasks in place of its own where the ramdisk ran and was ended by an item
    before; where none ever ran, such an item has nothing to do.
    """

    key: str
    tasks: tuple[Task, ...] = ()
    priority: int = 0
    needs_ramdisk: bool = False
    ends_ramdisk: bool = False
    starts: bool = False
    gone: tuple[Task, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Woven:
    """Tasks in order; `booted` says whether the ramdisk ever runs."""

    tasks: tuple[Task, ...]
    booted: bool


Boot = Callable[[Item, str], tuple[Task, ...]]
"""The tasks that boot the ramdisk for an item; the text names what ended the one before, if any ran."""


def weave(items: Sequence[Item], boot: Boot) -> Woven:
    """All items' tasks, with the boots that they need; none is booted that nobody needs."""
    tasks: list[Task] = []
    up = booted = False
    ended_by = ""
    for index, item in enumerate(items):
        if item.starts and _needed_soon(items[index + 1 :]):
            tasks += boot(item, item.key if booted else "")
            up = booted = True
            continue
        if item.needs_ramdisk and not up:
            tasks += boot(item, ended_by)
            up = booted = True
        tasks += _tasks_of(item, up=up, booted=booted)
        if up and (item.ends_ramdisk or item.starts):
            up, ended_by = False, item.key
    return Woven(tasks=tuple(tasks), booted=booted)


def _tasks_of(item: Item, *, up: bool, booted: bool) -> tuple[Task, ...]:
    if up or item.gone is None:
        return item.tasks
    return item.gone if booted else ()


def _needed_soon(items: Sequence[Item]) -> bool:
    """Whether one of these needs the ramdisk before one ends it."""
    for item in items:
        if item.needs_ramdisk:
            return True
        if item.ends_ramdisk or item.starts:
            return False
    return False
