"""Waiting for the ramdisk: given up as soon as it cannot come any more, and asking seldom."""

from __future__ import annotations

import asyncio

import pytest
from paper_clock import on_paper
from paper_world import PaperWorld

from bmctl.drivers.fake import Fault
from bmctl.errors import BmctlError, RefusedError, UnreachableError
from bmctl.model.firmware import PowerState
from bmctl.ports import Ports
from bmctl.steps.wait_for_agent import WaitForAgent, wait_for_agent
from bmctl.store.marks import RunRecord


@pytest.fixture
def world(tmp_path) -> PaperWorld:
    world = PaperWorld(tmp_path)
    world.machine.power = PowerState.ON
    return world


@pytest.fixture
def ports(world) -> Ports:
    ports = world.ports(RunRecord(world.journal))
    ports.medium_url = "http://10.0.0.1:8000/a-secret-path/n1.iso"
    return ports


def wait(ports: Ports) -> float:
    """How long the step waited, in seconds."""

    async def timed() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await wait_for_agent(ports, WaitForAgent())
        finally:
            ports.record.put("waited", loop.time() - began)
        return loop.time() - began

    return on_paper(timed())


def test_an_agent_that_answers_is_remembered(world, ports):
    world.agent.start_up(after_asks=5)
    assert wait(ports) < 10
    assert ports.record.get("agent") == {"started_at": world.agent.started_at, "version": "11.5.0"}
    assert world.machine.calls == []


def test_a_machine_that_stopped_is_told_soon(world, ports):
    world.machine.power = PowerState.OFF
    with pytest.raises(BmctlError, match="the machine is off, 120 s after it was switched on"):
        wait(ports)
    assert ports.record.get("waited") < 140


def test_a_medium_that_nobody_reads_is_told(ports):
    with pytest.raises(BmctlError, match="nobody has read a byte of the boot medium") as caught:
        wait(ports)
    assert "http://10.0.0.1:8000:" in caught.value.hint
    assert "secret" not in caught.value.hint
    assert ports.record.get("waited") < 1200


def test_a_medium_that_is_read_gets_the_whole_time(world, ports):
    ports.medium_read = True
    with pytest.raises(BmctlError, match="no route to its address"):
        wait(ports)
    assert ports.record.get("waited") >= 1500
    assert len(world.machine.calls) <= 8


def test_a_controller_that_is_out_of_reach_for_a_while_ends_nothing(world, ports):
    world.machine.faults = [Fault(call="power.state", error=UnreachableError("no answer"), times=99)]
    ports.medium_read = True
    world.agent.start_up(after_asks=300)
    assert wait(ports) > 150
    assert ports.evidence.to_json()["controller"] == "no answer"


def test_another_certificate_ends_the_wait_at_once(world, ports):
    async def refuse(**_: object) -> None:
        raise RefusedError("the agent showed another certificate than the one made for this run")

    world.agent.wait_ready = refuse
    with pytest.raises(RefusedError, match="another certificate"):
        wait(ports)
    assert ports.record.get("waited") == 0


def test_an_agent_that_was_given_commands_by_others_is_not_taken(world, ports):
    world.agent.start_up(after_asks=0)
    world.agent.listed.append(world.agent._command("image.install_bootloader", {}))
    with pytest.raises(BmctlError, match="by somebody else"):
        wait(ports)
