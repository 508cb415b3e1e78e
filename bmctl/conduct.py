"""Conducts runs: takes each node's lock, keeps its provision state and its run's folder, runs its plan.

The commands say which nodes and show the events; what a run does is in its plan.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bmctl.engine.gate import Gate
from bmctl.engine.plan import Plan
from bmctl.engine.run import Run, check, execute, recover
from bmctl.errors import BmctlError, BusyError, HeldError, InvalidError
from bmctl.flows.deploy import plan_deploy, tidy_tasks
from bmctl.media.credentials import RunCredentials, make_credentials
from bmctl.model.event import EventKind, RunEvent, Tell
from bmctl.model.node import Node
from bmctl.model.states import Event, ProvisionState
from bmctl.ports import Ports
from bmctl.store.directory import StateDirectory, make_run_id
from bmctl.store.interface import Lock, Owner, Store
from bmctl.store.journal import Journal
from bmctl.store.marks import RunRecord
from bmctl.store.record import NodeRecord, get_node, node_key, update_node
from bmctl.store.run_folder import RunFolder
from bmctl.wire import RunKeys, Wire

LEASE = 120.0
RENEW_EVERY = 30.0

# From these a deploy may start; the first three pass through what `bmctl enroll` would have done.
BEFORE_AVAILABLE = (ProvisionState.ENROLL, ProvisionState.VERIFYING, ProvisionState.MANAGEABLE)
UNDER_WAY = (ProvisionState.DEPLOYING, ProvisionState.DEPLOY_WAIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an operator chose for a deploy. `at_once` limits how many machines are worked on together."""

    rebuild: bool = False
    leave_running: bool = False
    at_once: int = 50
    redo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one node's run ended; `seconds` are per task, `facts` what the run learnt."""

    node: Node
    run_id: str | None = None
    error: BmctlError | None = None
    interrupted: bool = False
    total: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    instance_id: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the node was deployed."""
        return self.error is None and not self.interrupted


class Conductor:
    """Runs deploys of many nodes in one process."""

    def __init__(
        self,
        *,
        wire: Wire,
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
        self._directory = directory
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
        gate = Gate(len(nodes))
        runs = [asyncio.create_task(self._one(node, gate, opening), name=node.name) for node in nodes]
        try:
            return tuple(await asyncio.gather(*runs))
        except asyncio.CancelledError:
            for run in runs:
                run.cancel()
            return tuple(await asyncio.gather(*runs))

    async def _one(self, node: Node, gate: Gate, opening: Opening) -> Outcome:
        began = self._clock()
        passing = _Passing(gate)
        story = _Story()
        error: BmctlError | None = None
        interrupted = False
        try:
            async with self._locked(node) as lock:
                await self._conduct(node, lock, passing, opening, story)
        except BmctlError as failure:
            error = failure
            passing.leave(failure)
        except asyncio.CancelledError as failure:
            interrupted = True
            passing.leave(failure)
        outcome = Outcome(
            node=node,
            run_id=story.run_id,
            error=error,
            interrupted=interrupted,
            total=self._clock() - began,
            seconds=story.seconds(),
            instance_id=story.instance_id,
        )
        self._tell_end(outcome)
        return outcome

    async def _conduct(
        self, node: Node, lock: Lock, passing: _Passing, opening: Opening, story: _Story
    ) -> None:
        async with self._opened(node, lock, opening, story) as sheet:
            keys = _keys(sheet)
            async with self._wire.ports(
                node, keys=keys, record=sheet.record, folder=sheet.folder.path, check=lock.check
            ) as ports:
                run = self._run(sheet, ports, lock)
                try:
                    await recover(run, lambda: _ramdisk_is_up(ports))
                    await check(run)
                    await passing.arrive()
                    async with self._slots:
                        self._enter(sheet, lock)
                        await execute(run)
                except BaseException as failure:
                    self._fail(sheet, lock, failure)
                    raise
                self._finish(sheet, lock)

    def _run(self, sheet: _Sheet, ports: Ports, lock: Lock) -> Run:
        run = Run(
            plan=sheet.plan,
            ports=ports,
            record=sheet.record,
            tell=self._listener(sheet, lock),
            tidy=tidy_tasks(leave_running=self._options.leave_running),
            replan=lambda _plan, record: plan_deploy(sheet.node, agent_steps=record.get("agent_steps")),
            redo=self._options.redo,
            clock=self._clock,
        )
        typical = {task.key: task.step.typical for task in sheet.plan.tasks}
        self._tell(RunEvent(node=sheet.node.name, kind=EventKind.PLANNED, fields={"typical": typical}))
        return run

    def _listener(self, sheet: _Sheet, lock: Lock) -> Tell:
        """Passes events on, and keeps the provision state in step with the wait for the agent."""

        def tell(event: RunEvent) -> None:
            if event.task == "agent.wait" and event.kind is EventKind.STARTED:
                self._move(sheet.node, lock, Event.WAIT)
            elif event.task == "agent.wait" and event.kind is EventKind.DONE:
                self._move(sheet.node, lock, Event.RESUME)
            self._tell(event)

        return tell

    # -- the node's record -------------------------------------------------------------------------

    def _enter(self, sheet: _Sheet, lock: Lock) -> None:
        """The machine is about to be touched: its record says so from now on."""

        def change(record: NodeRecord) -> NodeRecord:
            record = _on_the_way(record.of_controller(sheet.node.bmc.key), rebuild=self._options.rebuild)
            if record.run_id != sheet.folder.path.name:
                record = record.begin_run(sheet.folder.path.name)
            return replace(record, last_error=None, updated=self._wall_clock())

        update_node(self._store, sheet.node.name, change, fence=lock.fence)

    def _move(self, node: Node, lock: Lock, event: Event) -> None:
        def change(record: NodeRecord) -> NodeRecord:
            moved = record.move(event, target=record.target)
            return replace(moved, updated=self._wall_clock())

        update_node(self._store, node.name, change, fence=lock.fence)

    def _fail(self, sheet: _Sheet, lock: Lock, failure: BaseException) -> None:
        interrupted = isinstance(failure, asyncio.CancelledError)
        text = "interrupted" if interrupted else getattr(failure, "message", str(failure))
        sheet.record.end("interrupted" if interrupted else "failed", error=text)

        def change(record: NodeRecord) -> NodeRecord:
            if record.provision_state in UNDER_WAY:
                record = record.move(Event.FAIL)
            return replace(record, last_error=text, updated=self._wall_clock())

        try:
            update_node(self._store, sheet.node.name, change, fence=lock.fence)
        except BusyError:
            # The lock went to somebody else: the record is theirs to write.
            return

    def _finish(self, sheet: _Sheet, lock: Lock) -> None:
        learnt = {
            "version": (sheet.record.get("agent") or {}).get("version"),
            "steps": sheet.record.get("agent_steps"),
            "hardware": sheet.record.get("hardware"),
            "instance_id": sheet.record.get("instance_id"),
        }

        def change(record: NodeRecord) -> NodeRecord:
            moved = record.move(Event.DONE)
            return replace(moved, agent={**record.agent, **learnt}, updated=self._wall_clock())

        update_node(self._store, sheet.node.name, change, fence=lock.fence)
        sheet.folder.forget_secrets()

    # -- runs and locks ----------------------------------------------------------------------------

    @asynccontextmanager
    async def _locked(self, node: Node) -> AsyncIterator[Lock]:
        with self._store.lock(node_key(node.name), self._owner, lease=LEASE) as lock:
            renewing = asyncio.create_task(_renew(lock))
            try:
                yield lock
            finally:
                renewing.cancel()

    @asynccontextmanager
    async def _opened(self, node: Node, lock: Lock, opening: Opening, story: _Story) -> AsyncIterator[_Sheet]:
        sheet = await opening(node, lock)
        story.run_id, story.record = sheet.folder.path.name, sheet.record
        story.instance_id = sheet.record.get("instance_id")
        try:
            yield sheet
        finally:
            sheet.journal.close()

    async def _begin(self, node: Node, lock: Lock) -> _Sheet:
        """A new run; refuses a node that is in use unless that was asked for."""
        stored = get_node(self._store, node.name)
        if stored is not None:
            known = stored.record.of_controller(node.bmc.key)
            _require_deployable(known, rebuild=self._options.rebuild)
            self._note_cut_off(node, lock, known)
        plan = plan_deploy(node)
        now = self._wall_clock()
        folder = RunFolder(self._directory.create_run(make_run_id(now)))
        folder.keep_secrets(_new_secrets(node))
        header = {
            "node": node.name,
            "verb": "deploy",
            "plan": plan.digest,
            "publisher": str(uuid.uuid4()),
            "timestamp": int(now),
        }
        journal = folder.begin(header, clock=self._wall_clock)
        record = RunRecord(journal)
        record.put("instance_id", str(uuid.uuid4()))
        record.put("timestamp", int(now))
        return _Sheet(node=node, plan=plan, folder=folder, journal=journal, record=record)

    def _note_cut_off(self, node: Node, lock: Lock, record: NodeRecord) -> None:
        """A run whose process died left its state behind: it failed, as far as the record goes."""
        if record.provision_state not in UNDER_WAY:
            return
        self._move(node, lock, Event.FAIL)
        self._tell(
            RunEvent(
                node=node.name,
                kind=EventKind.NOTE,
                text=f"run {record.run_id} was cut off; starting anew (bmctl resume would have gone on)",
            )
        )

    async def _reopen(self, node: Node, _lock: Lock) -> _Sheet:
        """The node's last run, if it is unfinished and its plan is still the same."""
        stored = get_node(self._store, node.name)
        if stored is None or stored.record.run_id is None:
            raise InvalidError("there is no run to resume", hint=f"start one with: bmctl deploy {node.name}")
        folder = RunFolder(self._directory.run(stored.record.run_id))
        if folder.outcome() == "done":
            raise InvalidError(
                f"run {stored.record.run_id} is done, there is nothing to resume",
                hint=f"deploy again with: bmctl deploy {node.name} --rebuild",
            )
        plan = plan_deploy(node)
        journal = folder.reopen(clock=self._wall_clock)
        try:
            _require_same_plan(node, plan, journal)
        except BaseException:
            journal.close()
            raise
        return _Sheet(node=node, plan=plan, folder=folder, journal=journal, record=RunRecord(journal))

    def _tell_end(self, outcome: Outcome) -> None:
        text = "deployed" if outcome.ok else "interrupted" if outcome.interrupted else "failed"
        self._tell(
            RunEvent(
                node=outcome.node.name,
                kind=EventKind.FINISHED,
                text=text,
                seconds=round(outcome.total, 3),
                fields={"run": outcome.run_id, "instance_id": outcome.instance_id},
            )
        )


@dataclass(slots=True, kw_only=True)
class _Sheet:
    """One run being conducted."""

    node: Node
    plan: Plan
    folder: RunFolder
    journal: Journal
    record: RunRecord


@dataclass(slots=True)
class _Story:
    """What can be told of a run after it ended, however it ended."""

    run_id: str | None = None
    record: RunRecord | None = None
    instance_id: str | None = None

    def seconds(self) -> dict[str, float]:
        return dict(self.record.seconds) if self.record is not None else {}


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


Opening = Callable[[Node, Lock], Awaitable[_Sheet]]


async def _renew(lock: Lock) -> None:
    """Keep the lease alive; a lock that is lost is noticed before the next change of the machine."""
    with suppress(BusyError):
        while True:
            await asyncio.sleep(RENEW_EVERY)
            lock.renew()


async def _ramdisk_is_up(ports: Ports) -> bool:
    """Whether the very agent that this run booted still answers."""
    known = ports.record.get("agent")
    try:
        status = await ports.agent.status(timeout=10.0)
    except BmctlError:
        return False
    return known is None or bool(status.started_at == known["started_at"])


def _new_secrets(node: Node) -> dict[str, str]:
    credentials = make_credentials([address.ip for address in node.network.addresses], name=node.name)
    return {**credentials.to_dict(), "path_key": secrets.token_urlsafe(24)}


def _keys(sheet: _Sheet) -> RunKeys:
    kept = sheet.folder.read_secrets()
    path_key = kept.pop("path_key")
    header: Any = sheet.journal.header
    return RunKeys(
        credentials=RunCredentials.from_dict(kept),
        path_key=path_key,
        publisher=header["publisher"],
        timestamp=header["timestamp"],
    )


def _require_deployable(record: NodeRecord, *, rebuild: bool) -> None:
    if record.provision_state is ProvisionState.ACTIVE and not rebuild:
        raise InvalidError(
            "this node is active: a deploy would destroy what runs on it",
            hint=f"if that is meant: bmctl deploy {record.name} --rebuild",
        )


def _require_same_plan(node: Node, plan: Plan, journal: Journal) -> None:
    if journal.header.get("plan") != plan.digest:
        raise HeldError(
            "the inventory has changed since this run began: its plan is another one now",
            hint=f"put the inventory back and resume, or start anew: bmctl deploy {node.name}",
        )


def _on_the_way(record: NodeRecord, *, rebuild: bool) -> NodeRecord:
    """The record in state `deploying`, by legal moves from wherever it was."""
    for state, event in (
        (ProvisionState.ENROLL, Event.MANAGE),
        (ProvisionState.VERIFYING, Event.DONE),
        (ProvisionState.MANAGEABLE, Event.PROVIDE),
        (ProvisionState.CLEANING, Event.DONE),
        (ProvisionState.DEPLOY_WAIT, Event.RESUME),
    ):
        if record.provision_state is state:
            record = record.move(event)
    if record.provision_state is ProvisionState.DEPLOYING:
        return record
    event = Event.REBUILD if rebuild and record.provision_state is ProvisionState.ACTIVE else Event.DEPLOY
    return record.move(event, target=ProvisionState.ACTIVE)
