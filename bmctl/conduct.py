"""Conducts runs: takes each node's lock, looks at all nodes first, and then runs their plans side by side.

The commands say which nodes and show the events; what a run does is in its plan (`flows`), how it is
kept in `runs`, and where its node stands meanwhile in `standing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bmctl.engine.gate import Gate
from bmctl.engine.recover import recover
from bmctl.engine.run import Run, check, execute, tidied
from bmctl.errors import BmctlError
from bmctl.flows.deploy import tidy_tasks
from bmctl.model.event import EventKind, RunEvent, Tell
from bmctl.model.node import Node
from bmctl.model.states import ProvisionState
from bmctl.ports import Ports
from bmctl.reunion import ramdisk_is_up
from bmctl.runs import Runs, RunSheet, replanning
from bmctl.standing import UNDER_WAY, Standing, deploying, failure_outcome
from bmctl.store.directory import StateDirectory
from bmctl.store.event_log import EVENTS, EventLog
from bmctl.store.interface import Lock, Owner, Store
from bmctl.store.marks import RunRecord
from bmctl.store.record import node_key
from bmctl.wire import RunKeys

LEASE = 120.0
RENEW_EVERY = 30.0


class Wiring(Protocol):
    """Makes the ports of a run; `bmctl.wire.Wire` makes those of real machines."""

    def ports(
        self, node: Node, *, keys: RunKeys, record: RunRecord, folder: Path, check: Callable[[], None]
    ) -> AbstractAsyncContextManager[Ports]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an operator chose for a deploy. `at_once` limits how many machines are worked on together."""

    rebuild: bool = False
    leave_running: bool = False
    at_once: int = 50
    redo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one node's run ended.

    `run_id` names the run that can be looked at or gone on with, None where no machine was touched;
    `seconds` are per task, `requests` counts what its controller was asked.
    """

    node: Node
    run_id: str | None = None
    error: BmctlError | None = None
    interrupted: bool = False
    total: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    instance_id: str | None = None
    requests: int | None = None

    @property
    def ok(self) -> bool:
        """Whether the node was deployed."""
        return self.error is None and not self.interrupted


class Conductor:
    """Runs deploys of many nodes in one process."""

    def __init__(
        self,
        *,
        wire: Wiring,
        store: Store,
        directory: StateDirectory,
        owner: Owner,
        tell: Tell,
        options: Options,
        wall_clock: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._wire = wire
        self._store = store
        self._runs = Runs(directory=directory, clock=wall_clock)
        self._owner = owner
        self._tell = tell
        self._options = options
        self._wall_clock = wall_clock
        self._clock = clock
        self._slots = asyncio.Semaphore(options.at_once)

    async def deploy(self, nodes: tuple[Node, ...]) -> tuple[Outcome, ...]:
        """Deploy each node anew; one outcome per node, in their order."""
        return await self._all(nodes, self._begin)

    async def resume(self, nodes: tuple[Node, ...]) -> tuple[Outcome, ...]:
        """Go on with the unfinished run of each node."""
        return await self._all(nodes, self._reopen)

    async def _all(self, nodes: tuple[Node, ...], opening: Opening) -> tuple[Outcome, ...]:
        """Every run ends by itself: an error of one, even a bug, leaves the others alone."""
        gate = Gate(len(nodes))
        runs = [asyncio.create_task(self._one(node, gate, opening), name=node.name) for node in nodes]
        if not runs:
            return ()
        try:
            await asyncio.wait(runs)
        except asyncio.CancelledError:
            for run in runs:
                run.cancel()
            await asyncio.wait(runs)
        return tuple(
            Outcome(node=node, interrupted=True) if run.cancelled() else run.result()
            for node, run in zip(nodes, runs, strict=True)
        )

    async def _one(self, node: Node, gate: Gate, opening: Opening) -> Outcome:
        began = self._clock()
        passing = _Passing(gate)
        error: BmctlError | None = None
        interrupted = False
        with ExitStack() as stack:
            story = _Story(stack=stack, tell=self._tell)
            try:
                async with self._locked(node) as lock:
                    await self._conduct(node, lock, passing, opening, story)
            except BmctlError as failure:
                error = failure
                passing.leave(failure)
            except asyncio.CancelledError as failure:
                interrupted = True
                passing.leave(failure)
            except BaseException as failure:
                passing.leave(failure)
                raise
            outcome = story.outcome(node, error=error, interrupted=interrupted, total=self._clock() - began)
            story.tell(_end_of(outcome))
        return outcome

    async def _conduct(
        self, node: Node, lock: Lock, passing: _Passing, opening: Opening, story: _Story
    ) -> None:
        standing = Standing(store=self._store, node=node, lock=lock, clock=self._wall_clock)
        sheet = opening(standing)
        with closing(sheet.journal):
            story.follow(sheet, self._wall_clock)
            try:
                await self._run(sheet, standing, passing, story)
            except (Exception, asyncio.CancelledError) as failure:
                self._fail(sheet, standing, story, failure)
                raise
            self._finish(sheet, standing, story)

    async def _run(self, sheet: RunSheet, standing: Standing, passing: _Passing, story: _Story) -> None:
        async with self._wire.ports(
            sheet.node,
            keys=sheet.keys,
            record=sheet.record,
            folder=sheet.folder.path,
            check=standing.lock.check,
        ) as ports:
            session = ports.driver.session
            run = self._prepare(sheet, ports, _listener(story.tell, standing))
            run.tell(_planned(run, standing.usual_seconds()))
            try:
                async with tidied(run):
                    await recover(run, lambda: ramdisk_is_up(ports))
                    await check(run)
                    await passing.arrive()
                    async with self._slots:
                        self._enter(sheet, standing, story)
                        await execute(run)
            finally:
                story.requests = session.requests
        # Giving the session back was a request too.
        story.requests = session.requests

    def _prepare(self, sheet: RunSheet, ports: Ports, tell: Tell) -> Run:
        return Run(
            plan=sheet.plan,
            ports=ports,
            record=sheet.record,
            tell=tell,
            tidy=tidy_tasks(leave_running=self._options.leave_running),
            replan=replanning(sheet.node, sheet.record),
            redo=self._options.redo,
            clock=self._clock,
        )

    # -- what is kept of it ------------------------------------------------------------------------

    def _enter(self, sheet: RunSheet, standing: Standing, story: _Story) -> None:
        earlier = standing.enter(sheet.run_id, rebuild=self._options.rebuild)
        story.entered = True
        if earlier is not None:
            self._runs.forget(earlier)

    def _fail(
        self, sheet: RunSheet, standing: Standing, story: _Story, failure: Exception | asyncio.CancelledError
    ) -> None:
        # A full disk may be the very failure: it must not hide behind a second one.
        with suppress(BmctlError):
            sheet.record.put("controller requests", story.requests)
            sheet.record.end(**failure_outcome(failure))
        with suppress(BmctlError):
            standing.fail(failure)
        if not story.entered:
            sheet.folder.forget_secrets()

    def _finish(self, sheet: RunSheet, standing: Standing, story: _Story) -> None:
        """The node's record first: a run that is cut off here leaves a node that no deploy overwrites."""
        sheet.record.put("controller requests", story.requests)
        standing.finish(sheet.record)
        sheet.record.end("done")
        sheet.folder.forget_secrets()

    # -- how a run starts --------------------------------------------------------------------------

    def _begin(self, standing: Standing) -> RunSheet:
        """A new run; refuses a node that is in use unless that was asked for."""
        known = standing.known()
        if known is not None:
            self._give_up(standing, known.provision_state, known.run_id)
            deploying(standing.known() or known, rebuild=self._options.rebuild)
        return self._runs.begin(standing.node)

    def _reopen(self, standing: Standing) -> RunSheet:
        return self._runs.reopen(standing.node, standing.known())

    def _give_up(self, standing: Standing, state: ProvisionState, run_id: str | None) -> None:
        """A run whose process died, or that was held, left its state behind: it failed."""
        if state in UNDER_WAY:
            text = f"run {run_id} was cut off; starting anew (bmctl resume would have gone on)"
        elif state is ProvisionState.DEPLOY_HOLD:
            text = f"run {run_id} was held; starting anew"
        else:
            return
        standing.give_up()
        self._tell(RunEvent(node=standing.node.name, kind=EventKind.NOTE, text=text))

    @asynccontextmanager
    async def _locked(self, node: Node) -> AsyncIterator[Lock]:
        with self._store.lock(node_key(node.name), self._owner, lease=LEASE) as lock:
            renewing = asyncio.create_task(_renew(lock))
            try:
                yield lock
            finally:
                renewing.cancel()


@dataclass(slots=True, kw_only=True)
class _Story:
    """What can be told of a run after it ended, however it ended. `stack` closes what it keeps open."""

    stack: ExitStack
    tell: Tell
    sheet: RunSheet | None = None
    entered: bool = False
    requests: int | None = None

    def follow(self, sheet: RunSheet, clock: Callable[[], float]) -> None:
        """From now on all that is told is kept in the run's folder too."""
        self.sheet, self.entered = sheet, sheet.resumed
        log = self.stack.enter_context(
            EventLog(sheet.folder.path / EVENTS, clock=clock, secrets=sheet.secrets)
        )
        told = self.tell

        def tell(event: RunEvent) -> None:
            log(event)
            told(event)

        self.tell = tell

    def outcome(self, node: Node, *, error: BmctlError | None, interrupted: bool, total: float) -> Outcome:
        sheet = self.sheet
        return Outcome(
            node=node,
            run_id=sheet.run_id if sheet is not None and self.entered else None,
            error=error,
            interrupted=interrupted,
            total=total,
            seconds=dict(sheet.record.seconds) if sheet is not None else {},
            instance_id=sheet.record.get("instance_id") if sheet is not None else None,
            requests=self.requests,
        )


@dataclass(slots=True)
class _Passing:
    """One party at the gate, counted once."""

    gate: Gate
    counted: bool = False

    async def arrive(self) -> None:
        self.counted = True
        await self.gate.arrive()

    def leave(self, error: BaseException) -> None:
        if not self.counted:
            self.counted = True
            self.gate.leave(error)


Opening = Callable[[Standing], RunSheet]


def _listener(tell: Tell, standing: Standing) -> Tell:
    """Passes events on, and keeps the provision state in step with the wait for the agent."""

    def listen(event: RunEvent) -> None:
        if event.task.partition(":")[0] == "agent.wait":
            if event.kind is EventKind.STARTED:
                standing.waits()
            elif event.kind is EventKind.DONE:
                standing.goes_on()
        tell(event)

    return listen


def _planned(run: Run, usual: dict[str, float]) -> RunEvent:
    """What is ahead, with the seconds each task usually takes: on this machine, else on any."""
    typical = {task.key: usual.get(task.key, task.step.typical) for task in run.plan.tasks}
    return RunEvent(node=run.plan.node, kind=EventKind.PLANNED, fields={"typical": typical})


def _end_of(outcome: Outcome) -> RunEvent:
    text = "deployed" if outcome.ok else "interrupted" if outcome.interrupted else "failed"
    return RunEvent(
        node=outcome.node.name,
        kind=EventKind.FINISHED,
        text=text,
        seconds=round(outcome.total, 3),
        fields={
            "run": outcome.run_id,
            "instance_id": outcome.instance_id,
            "controller_requests": outcome.requests,
        },
    )


async def _renew(lock: Lock) -> None:
    """Keep the lease alive; a lock that is lost is noticed before the next change of the machine."""
    with suppress(BmctlError):
        while True:
            await asyncio.sleep(RENEW_EVERY)
            lock.renew()
