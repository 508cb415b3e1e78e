"""A machine in use is shut down before the ramdisk boots; a ramdisk, or a system that hangs, is cut off."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from paper_world import PaperWorld

from bmctl.engine.step import NoArgs
from bmctl.errors import BmctlError
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.plans import plan_for
from bmctl.flows.request import Request, Verb
from bmctl.model.firmware import PowerAction, PowerState
from bmctl.ports import Ports
from bmctl.steps.shut_down import shut_down
from bmctl.store.marks import RunRecord

OFF, SOFT_OFF = PowerAction.OFF, PowerAction.SOFT_OFF


@dataclass
class Power:
    """A switch that notes what it was asked; a machine that `hangs` does not shut down by itself."""

    hangs: bool = False
    now: PowerState = PowerState.ON
    asked: list[PowerAction] = field(default_factory=list)

    async def state(self) -> PowerState:
        return self.now

    async def set(self, action: PowerAction, *, timeout: float | None = None) -> None:
        if action is OFF and self.now is PowerState.OFF:
            return
        self.asked.append(action)
        if action is SOFT_OFF and self.hangs:
            raise BmctlError(f"still on after {timeout:.0f} s")
        self.now = PowerState.OFF


@pytest.fixture
def world(tmp_path) -> PaperWorld:
    return PaperWorld(tmp_path)


def ports_of(world: PaperWorld, power: Power) -> Ports:
    ports = world.ports(RunRecord(world.journal))
    ports.driver = replace(ports.driver, power=power)
    return ports


@pytest.mark.parametrize(
    ("power", "asked"),
    [
        (Power(), [SOFT_OFF]),
        (Power(hangs=True), [SOFT_OFF, OFF]),
        (Power(now=PowerState.OFF), []),
    ],
)
async def test_a_system_may_shut_down_by_itself(world, power, asked):
    await shut_down(ports_of(world, power), NoArgs())
    assert power.asked == asked
    assert power.now is PowerState.OFF


async def test_the_ramdisk_of_this_run_is_cut_off(world):
    power = Power()
    ports = ports_of(world, power)
    ports.record.put("agent", {"started_at": 1.0})
    await shut_down(ports, NoArgs())
    assert power.asked == [OFF]


@pytest.mark.parametrize(
    ("verb", "gently"),
    [(Verb.RESCUE, True), (Verb.INSPECT, False), (Verb.DEPLOY, False), (Verb.PROVIDE, False)],
)
def test_systems_that_go_on_being_used_are_shut_down(world, verb, gently):
    plan = plan_for(world.node, Knowledge(), Request(verb=verb))
    keys = {task.key for task in plan.tasks}
    assert ("power.shut_down" in keys, "power.power_off" in keys) == (gently, not gently)
