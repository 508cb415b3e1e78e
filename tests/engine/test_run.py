"""The loop, its gate and its holds, with steps of the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from paper_clock import on_paper
from paper_cuts import Cutter, PaperJournal
from paper_world import PaperWorld

from bmctl.engine.gate import Gate, NotStartedError
from bmctl.engine.plan import Plan, Task, numbered
from bmctl.engine.run import Run, StepFailedError, execute, tidied
from bmctl.engine.step import NoArgs, Replay, Step
from bmctl.errors import BmctlError, ExitCode, HeldError, InvalidError, UnreachableError
from bmctl.store.marks import Mark, RunRecord

Work = Callable[[Any, Any], Awaitable[None]]


def task(name: str, work: Work, **more: Any) -> Task:
    step: Step[NoArgs] = Step(
        interface="test", name=name, title=f"do {name}", args=NoArgs, run=work, budget=5, **more
    )
    return Task(step=step, args=NoArgs(), part_of="test", priority=1)


@pytest.fixture
def record() -> RunRecord:
    return RunRecord(PaperJournal(Cutter()))


@pytest.fixture
def start(tmp_path, record) -> Callable[..., Any]:
    """Runs tasks, tidying up with `tidy`."""

    def run(*tasks: Task, tidy: tuple[Task, ...] = (), redo: str | None = None) -> None:
        async def work() -> None:
            run = Run(
                plan=Plan(node="n1", verb="test", tasks=tasks),
                ports=PaperWorld(tmp_path).ports(record),
                record=record,
                tell=lambda _: None,
                tidy=tidy,
                redo=redo,
                clock=asyncio.get_running_loop().time,
            )
            async with tidied(run):
                await execute(run)

        on_paper(work())

    return run


def raising(error: BaseException) -> Work:
    async def work(_ports: Any, _args: Any) -> None:
        raise error

    return work


def noting(done: list[str], name: str) -> Work:
    async def work(_ports: Any, _args: Any) -> None:
        done.append(name)

    return work


def test_a_step_that_takes_too_long_is_named(start):
    async def sleep(_ports: Any, _args: Any) -> None:
        await asyncio.sleep(60)

    with pytest.raises(StepFailedError, match="do slowly: not done after 5 s"):
        start(task("slowly", sleep))


def test_a_step_that_destroys_is_not_repeated_unless_told_to(start, record):
    done: list[str] = []
    record.mark("test.erase", Mark.STARTED)
    erase = task("erase", noting(done, "erase"), replay=Replay.ASK)
    tidy = (task("tidy", noting(done, "tidy")),)
    with pytest.raises(HeldError) as caught:
        start(erase, tidy=tidy)
    assert caught.value.hint == "inspect the machine, then run: bmctl resume n1 --redo test.erase"
    assert done == []
    start(erase, tidy=tidy, redo="test.erase")
    assert done == ["erase"]


@pytest.mark.parametrize(
    ("error", "touches", "code"),
    [
        (InvalidError("wrong"), False, ExitCode.INVALID),
        (InvalidError("wrong"), True, ExitCode.FAILED),
        (UnreachableError("gone"), True, ExitCode.UNREACHABLE),
    ],
)
def test_code_3_promises_that_nothing_was_touched(start, error, touches, code):
    with pytest.raises(StepFailedError) as caught:
        start(task("fail", raising(error), touches=touches))
    assert caught.value.exit_code is code


def test_tidying_up_goes_on_when_a_part_of_it_fails(start):
    done: list[str] = []
    tidy = (task("first", raising(UnreachableError("gone"))), task("second", noting(done, "second")))
    with pytest.raises(StepFailedError, match="broken"):
        start(task("fail", raising(BmctlError("broken"))), tidy=tidy)
    assert done == ["second"]


def test_a_machine_that_was_only_looked_at_needs_no_tidying(start):
    done: list[str] = []
    with pytest.raises(StepFailedError):
        start(
            task("look", raising(BmctlError("broken")), touches=False),
            tidy=(task("tidy", noting(done, "tidy")),),
        )
    assert done == []


def test_a_bug_is_tidied_up_after_too(start):
    done: list[str] = []
    with pytest.raises(RuntimeError):
        start(task("fail", raising(RuntimeError("bug"))), tidy=(task("tidy", noting(done, "tidy")),))
    assert done == ["tidy"]


def test_tasks_of_one_step_are_told_apart():
    one = task("one", raising(BmctlError("")))
    assert [item.key for item in numbered((one, one))] == ["test.one", "test.one#2"]


async def test_the_gate_opens_when_all_have_arrived_or_left():
    gate = Gate(3)
    first, second = asyncio.create_task(gate.arrive()), asyncio.create_task(gate.arrive())
    await asyncio.sleep(0)
    assert not first.done()
    gate.leave(UnreachableError("gone"))
    await asyncio.gather(first, second)


async def test_the_gate_stays_shut_after_a_mistake():
    gate = Gate(2)
    arrival = asyncio.create_task(gate.arrive())
    await asyncio.sleep(0)
    gate.leave(InvalidError("wrong"))
    with pytest.raises(NotStartedError) as caught:
        await arrival
    assert caught.value.exit_code is ExitCode.INVALID
