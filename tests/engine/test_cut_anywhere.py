"""The law of runs: cut anywhere, in any way, and resumed, a run ends where an uncut one ends."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from paper_agent import own_step, write_step
from paper_clock import on_paper
from paper_cuts import Cut, Killed
from paper_world import OLD_MEDIUM, PaperWorld, is_clean

from bmctl.conduct.reunion import ramdisk_is_up
from bmctl.conduct.runs import replanning
from bmctl.engine.recover import recover
from bmctl.engine.run import Run, check, execute, tidied
from bmctl.errors import BmctlError
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import tidy_tasks
from bmctl.flows.plans import plan_for
from bmctl.model.firmware import BootTarget, PowerState
from bmctl.store.marks import RunRecord

TOGETHER = [
    write_step(),
    own_step("refresh", 90, interface="firmware", reboot=True),
    own_step("erase_metadata", 85),
    own_step("grow", 70, reboot=True),
]


async def process(world: PaperWorld) -> None:
    """What one process of bmctl does with a run."""
    world.cutter.main = asyncio.current_task()
    record = RunRecord(world.journal)  # type: ignore[arg-type]
    ports = world.ports(record)
    knowledge, request = Knowledge(), world.request
    run = Run(
        plan=plan_for(world.node, knowledge.with_listings(record.get("listings") or {}), request),
        ports=ports,
        record=record,
        tell=lambda _: None,
        tidy=tidy_tasks(world.node, request.verb),
        replan=replanning(world.node, knowledge, request, record),
        clock=asyncio.get_running_loop().time,
    )
    async with tidied(run):
        await recover(run, lambda: ramdisk_is_up(ports))
        await check(run)
        await execute(run)


def run_once(world: PaperWorld) -> list[Cut] | None:
    """The cuts that ended one process, None where it came to its end."""
    used = len(world.cutter.used)
    world.cutter.dead = False
    try:
        on_paper(process(world))
    except (Killed, asyncio.CancelledError):
        return world.cutter.used[used:]
    except BmctlError:
        if len(world.cutter.used) == used:
            raise  # nothing had cut it
        return world.cutter.used[used:]
    return None


def run_to_the_end(world: PaperWorld, *, idle: int = 0) -> list[list[Cut]]:
    """Resume until nothing cuts any more; returns what ended each process but the last."""
    endings: list[list[Cut]] = []
    while (ending := run_once(world)) is not None:
        endings.append(ending)
        if ending in ([Cut.CANCEL], [Cut.FAIL]) and touched(world):
            assert is_clean(world), world.state()
        world.idle(idle)
    return endings


def touched(world: PaperWorld) -> bool:
    """Whether anything was done to the machine: a journal that fails comes before the first change."""
    return "power.set" in world.machine.calls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def uncut(folder: Path, *, offered: list[Any] | None = None) -> PaperWorld:
    world = PaperWorld(folder)
    world.offered = offered or world.offered
    assert run_to_the_end(world) == []
    return world


def test_an_uncut_run_deploys(folder):
    world = uncut(folder)
    state = world.state()
    assert (state["power"], state["image"], state["override"]) == (PowerState.ON, None, None)
    assert state["booted"] is BootTarget.DISK
    assert world.disk.image == world.digest
    assert world.disk.config_drive
    assert world.disk.boot_entry
    assert world.writes_started == 1
    assert state["served"] == {}


@pytest.mark.parametrize(("cut", "idle"), [(Cut.KILL, 0), (Cut.KILL, 5), (Cut.CANCEL, 0), (Cut.FAIL, 0)])
def test_cut_at_each_single_point(folder, cut, idle):
    whole = uncut(folder)
    for point in range(1, whole.cutter.passed + 1):
        world = PaperWorld(folder, cuts={point: cut})
        run_to_the_end(world, idle=idle)
        where = whole.cutter.names[point - 1]
        assert world.state() == whole.state(), f"cut at point {point}, {where}"
        if cut is Cut.KILL:
            assert world.writes_finished == 1, f"cut at point {point}, {where}"


def test_steps_of_the_agent_that_restart_the_machine(folder):
    whole = uncut(folder, offered=TOGETHER)
    assert whole.ran == ["refresh", "erase_metadata", "grow"]
    assert [boot.target for boot in whole.machine.boots] == [BootTarget.CD] * 3 + [BootTarget.DISK]


WHOLE: dict[bool, dict[str, Any]] = {}


def state_of_uncut(folder: Path, *, restarts: bool) -> dict[str, Any]:
    if restarts not in WHOLE:
        world = uncut(folder, offered=TOGETHER if restarts else [write_step()])
        WHOLE[restarts] = {**world.state(), "ran": world.ran}
    return WHOLE[restarts]


cut_lists = st.dictionaries(st.integers(1, 300), st.sampled_from(Cut), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    cuts=cut_lists,
    idle=st.integers(0, 6),
    boot_asks=st.integers(0, 3),
    write_work=st.integers(1, 6),
    before=st.sampled_from([PowerState.ON, PowerState.OFF]),
    medium=st.sampled_from([None, OLD_MEDIUM]),
    restarts=st.booleans(),
)
@example({70: Cut.KILL, 75: Cut.CANCEL}, 3, 1, 3, PowerState.ON, OLD_MEDIUM, True)
def test_cut_anywhere_any_number_of_times(cuts, idle, boot_asks, write_work, before, medium, restarts):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = state_of_uncut(folder, restarts=restarts)
        world = PaperWorld(folder, cuts=cuts)
        world.offered = TOGETHER if restarts else [write_step()]
        world.boot_asks, world.write_work = boot_asks, write_work
        world.machine.power, world.machine.image = before, medium
        endings = run_to_the_end(world, idle=idle)
    killed = all(ending == [Cut.KILL] for ending in endings)
    assert world.state() == {name: value for name, value in whole.items() if name != "ran"}
    if killed:
        assert world.writes_finished == 1
        assert world.ran == whole["ran"]
    assert_no_write_after_the_last(world)


def assert_no_write_after_the_last(world: PaperWorld) -> None:
    """Once the journal says that the image is written, it is not written again."""
    done = world.journal.marked("deploy.write_image", "done")
    attempts = [
        index
        for index, fact in enumerate(world.journal.facts)
        if fact.kind == "fact" and fact.fields["name"] == "write attempts"
    ]
    assert done is not None
    assert all(index < done for index in attempts)
