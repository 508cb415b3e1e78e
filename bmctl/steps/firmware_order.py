"""Firmware updates that are begun once, waited for across restarts of bmctl, and brought into effect."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from bmctl.drivers.abilities import FirmwareUpdate
from bmctl.errors import BmctlError, LostAnswerError
from bmctl.model.controller import Component, Started
from bmctl.model.firmware import PowerAction
from bmctl.ports import Ports
from bmctl.steps.controller_return import wait_for_controller
from bmctl.steps.controller_tasks import TaskFailedError, task_end
from bmctl.steps.firmware_source import controller_url
from bmctl.steps.patience import Patience
from bmctl.steps.restarting import Look, is_restarting, restart, restore_power, seen

# The longest time that one update may take; Ironic's cap, too.
BUDGET = 7200.0
BMC = "bmc"
# How often the controller's list is looked at for an update whose answer was lost.
_LOOKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareOrder:
    """One file to be written; `component` None leaves it to the controller what it is for.

    `wait` is how many seconds the controller is left alone after it was done.
    """

    url: str
    component: str | None = None
    checksum: str | None = None
    wait: float = 0.0

    @property
    def label(self) -> str:
        """What is updated, for a person."""
        return f"firmware of {self.component}" if self.component else "firmware"


async def carry_out(
    ports: Ports, firmware: FirmwareUpdate, orders: tuple[FirmwareOrder, ...], *, patience: Patience
) -> None:
    """Leave each of these written and in effect, one after the other.

    How far each is is in the journal. A resume waits for one that runs and skips those that are done;
    once all are, the journal forgets them, so that the same step later in a plan begins anew.
    """
    for number, order in enumerate(orders, 1):
        fact = _fact(number)
        if _remembered(ports, fact, order).get("state") != "done":
            await _carry_out(ports, firmware, order, fact, patience)
            _remember(ports, fact, order, state="done")
    for number in range(1, len(orders) + 1):
        ports.record.put(_fact(number), None)


async def _carry_out(
    ports: Ports, firmware: FirmwareUpdate, order: FirmwareOrder, fact: str, patience: Patience
) -> None:
    url = await controller_url(ports, order.url, order.checksum)
    component = None if order.component is None else await firmware.find(order.component)
    begun = await _begun(ports, firmware, order, component, fact, url, patience)
    if begun.task is not None:
        await _end_task(ports, begun.task, order, fact, patience)
    await asyncio.sleep(order.wait)
    await _take_effect(ports, firmware, order, component, fact, patience)


async def _end_task(ports: Ports, task: str, order: FirmwareOrder, fact: str, patience: Patience) -> None:
    """Wait for the task; one that failed is forgotten, so that a resume begins anew."""
    nudge = None if order.component == BMC else partial(_nudge, ports, fact, order, patience)
    try:
        await task_end(
            ports, task, what=f"update the {order.label}", within=BUDGET, patience=patience, nudge=nudge
        )
    except TaskFailedError:
        ports.record.put(fact, None)
        raise


async def _begun(
    ports: Ports,
    firmware: FirmwareUpdate,
    order: FirmwareOrder,
    component: Component | None,
    fact: str,
    url: str,
    patience: Patience,
) -> Started:
    """The update that runs: one from an earlier process, else a new one."""
    earlier = _remembered(ports, fact, order)
    if earlier.get("state") == "started":
        ports.note(f"taking up the update of the {order.label} where it was left")
        return Started(task=earlier["task"])
    if earlier.get("state") == "sending":
        found = await _new_task(ports, earlier["before"])
        if found is not None:
            ports.note(f"an update that nobody heard of any more runs as {found}")
            return _started(ports, order, fact, earlier, Started(task=found))
        if earlier["before"] is None:
            raise _doubt(ports, fact, order, "bmctl ended while it asked for it")
    asking: dict[str, Any] = {
        "before": await _tasks(ports),
        "version": component.version if component else "",
    }
    _remember(ports, fact, order, state="sending", **asking)
    try:
        begun = await firmware.start(url, component.targets if component else ())
    except LostAnswerError as error:
        found = await _sought_task(ports, asking["before"], patience)
        if found is None:
            raise _doubt(ports, fact, order, error.message) from error
        begun = Started(task=found)
    except BmctlError:
        ports.record.put(fact, None)
        raise
    return _started(ports, order, fact, asking, begun)


def _started(
    ports: Ports, order: FirmwareOrder, fact: str, asking: dict[str, Any], begun: Started
) -> Started:
    _remember(ports, fact, order, state="started", task=begun.task, version=asking["version"])
    ports.evidence.see(order.label, f"update began ({begun.task or 'done at once'})")
    return begun


def _doubt(ports: Ports, fact: str, order: FirmwareOrder, why: str) -> BmctlError:
    """Nobody knows whether the update began; the next resume begins it, since an operator has looked then."""
    ports.record.put(fact, None)
    return BmctlError(
        f"update the {order.label}: it is not known whether the controller began ({why})",
        hint="see on its web page whether an update runs, and let it end; bmctl resume asks again",
    )


async def _nudge(ports: Ports, fact: str, order: FirmwareOrder, patience: Patience) -> None:
    """Restart the machine; how far that came is in the journal, since a second restart may come amiss."""
    earlier = _remembered(ports, fact, order)
    _remember(ports, fact, order, **{**earlier, "restart": "begun"})
    await restart(ports, patience=patience)
    _remember(ports, fact, order, **{**earlier, "restart": "done"})


async def _take_effect(
    ports: Ports,
    firmware: FirmwareUpdate,
    order: FirmwareOrder,
    component: Component | None,
    fact: str,
    patience: Patience,
) -> None:
    """Restart what runs the firmware, unless that has happened, and see which version it is."""
    before = _remembered(ports, fact, order).get("version", "")

    async def changed() -> bool:
        return component is not None and (await firmware.find(component.name)).version != before

    async def is_in_effect() -> bool:
        # Some machines write it while they start, and must not be switched off then.
        return await seen(ports, f"the {order.label}", changed, within=patience.unproven, patience=patience)

    if order.component == BMC or component is None:
        await wait_for_controller(ports, patience=patience)
    if order.component != BMC:
        await _restart_once(ports, order, fact, is_in_effect, patience)
    await restore_power(ports)
    if component is not None:
        after = (await firmware.find(component.name)).version
        ports.note(f"the {order.label} was {before or 'not told'}, is {after or 'not told'}")
    ports.evidence.see(order.label, "updated")


async def _restart_once(
    ports: Ports, order: FirmwareOrder, fact: str, is_in_effect: Look, patience: Patience
) -> None:
    """Restart the machine unless that was done; where a cut leaves it open, only if nothing else helps."""
    how_far = _remembered(ports, fact, order).get("restart")
    if how_far == "done":
        return
    if how_far == "begun" and is_restarting(ports):
        await ports.driver.power.set(PowerAction.ON)
        if await is_in_effect():
            return
    await _nudge(ports, fact, order, patience)
    await is_in_effect()


async def _sought_task(ports: Ports, before: list[str] | None, patience: Patience) -> str | None:
    """The task that a lost answer began; the controller may be slow to list it."""
    for number in range(_LOOKS):
        await asyncio.sleep(number * patience.listed)
        if (found := await _new_task(ports, before)) is not None:
            return found
    return None


async def _new_task(ports: Ports, before: list[str] | None) -> str | None:
    now = await _tasks(ports)
    return None if before is None or now is None else next((task for task in now if task not in before), None)


async def _tasks(ports: Ports) -> list[str] | None:
    found = None if ports.driver.tasks is None else await ports.driver.tasks.running()
    return None if found is None else list(found)


def _fact(number: int) -> str:
    return f"firmware update {number}"


def _remembered(ports: Ports, fact: str, order: FirmwareOrder) -> dict[str, Any]:
    """What the journal knows of this very order."""
    found = ports.record.get(fact)
    if found is None or (found["url"], found["component"]) != (order.url, order.component):
        return {}
    return {name: value for name, value in found.items() if name not in {"url", "component"}}


def _remember(ports: Ports, fact: str, order: FirmwareOrder, **more: Any) -> None:
    ports.record.put(fact, {"url": order.url, "component": order.component, **more})
