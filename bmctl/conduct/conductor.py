"""The conductor: takes each node's lock, looks at all nodes first, and then runs their plans side by side.

How a run is kept is in `runs`, where its node stands meanwhile in `standing`, what operators ask of it
from elsewhere in `helm`, and what is told of it in `story`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    closing,
    suppress,
)
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from bmctl.conduct.helm import NodeHelm
from bmctl.conduct.knowing import knowledge_of
from bmctl.conduct.learning import power_of
from bmctl.conduct.reunion import ramdisk_is_up
from bmctl.conduct.runs import Runs, RunSheet, replanning
from bmctl.conduct.standing import UNDER_WAY, Standing, entered, failure_outcome, given_up
from bmctl.conduct.story import Outcome, Story, end_of, planned, state_keeper
from bmctl.engine.gate import Gate
from bmctl.engine.recover import recover
from bmctl.engine.run import Run, check, execute, tidied
from bmctl.engine.steer import AbortedError
from bmctl.errors import BmctlError, InvalidError
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.parts import tidy_aborted, tidy_tasks
from bmctl.flows.request import Request
from bmctl.inventory.selection import Inventory
from bmctl.model.event import EventKind, RunEvent, Tell
from bmctl.model.node import Node
from bmctl.model.states import HELD, ProvisionState
from bmctl.ports import Ports
from bmctl.steps.hold import RELEASED, Hold, released
from bmctl.store.directory import StateDirectory
from bmctl.store.interface import Lock, Owner, Store
from bmctl.store.marks import RunRecord
from bmctl.store.record import NodeRecord, node_key, update_node
from bmctl.wire import RunKeys

LEASE = 120.0
RENEW_EVERY = 30.0


class Wiring(Protocol):
    """Makes the ports of a run; `bmctl.wire.Wire` makes those of real machines."""

    def ports(
        self, node: Node, *, keys: RunKeys, record: RunRecord, folder: Path, check: Callable[[], None]
    ) -> AbstractAsyncContextManager[Ports]: ...

    def ramdisk_digest(self, node: Node) -> str | None:
        """Names the ramdisk that the node will boot, None where there is none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How runs are conducted. `at_once` limits how many machines are worked on together.

    `redo` names an interrupted task that may run again. A rescue without a password gets one.
    """

    leave_running: bool = False
    at_once: int = 50
    redo: str | None = None
    rescue_password: str | None = None


class Conductor:
    """Runs what is asked for, for many nodes in one process."""

    def __init__(
        self,
        *,
        wire: Wiring,
        inventory: Inventory,
        store: Store,
        directory: StateDirectory,
        owner: Owner,
        tell: Tell,
        options: Options,
        wall_clock: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._wire = wire
        self._inventory = inventory
        self._store = store
        self._runs = Runs(directory=directory, clock=wall_clock)
        self._owner = owner
        self._tell = tell
        self._options = options
        self._wall_clock = wall_clock
        self._clock = clock
        self._slots = asyncio.Semaphore(options.at_once)

    async def run(self, nodes: tuple[Node, ...], request: Request) -> tuple[Outcome, ...]:
        """Do what is asked with each node, anew; one outcome per node, in their order."""
        return await self._all(nodes, lambda standing: self._begin(standing, request))

    async def resume(self, nodes: tuple[Node, ...]) -> tuple[Outcome, ...]:
        """Go on with the unfinished run of each node; one that is held is released."""
        return await self._all(nodes, self._reopen)

    async def abort(self, nodes: tuple[Node, ...]) -> tuple[Outcome, ...]:
        """End the run of each node on which nobody works: it was held, cut off, or failed."""
        outcomes = await self._all(nodes, self._reopen_to_end)
        return tuple(
            replace(outcome, error=None, verb="abort") if isinstance(outcome.error, AbortedError) else outcome
            for outcome in outcomes
        )

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
            story = Story(stack=stack, tell=self._tell)
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
            story.tell(end_of(outcome))
        return outcome

    async def _conduct(
        self, node: Node, lock: Lock, passing: _Passing, opening: Opening, story: Story
    ) -> None:
        standing = Standing(
            store=self._store,
            node=node,
            lock=lock,
            clock=self._wall_clock,
            rules=self._inventory.inspection_rules,
        )
        sheet = opening(standing)
        with closing(sheet.journal):
            story.follow(sheet, self._wall_clock)
            try:
                await self._run(sheet, standing, passing, story)
            except (Exception, asyncio.CancelledError) as failure:
                self._fail(sheet, standing, story, failure)
                raise
            self._finish(sheet, standing, story)

    async def _run(self, sheet: RunSheet, standing: Standing, passing: _Passing, story: Story) -> None:
        async with self._ports(sheet, standing.lock) as ports:
            session = ports.driver.session
            run = self._prepare(sheet, ports, story.tell, standing)
            run.tell(planned(run, standing.usual_seconds(sheet.request.verb)))
            try:
                async with tidied(run):
                    if sheet.to_end:
                        raise AbortedError(f"aborted by {self._owner}")
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

    @asynccontextmanager
    async def _ports(self, sheet: RunSheet, lock: Lock) -> AsyncIterator[Ports]:
        """The ports of the node, and of those relatives that the plan acts on, each under its own lock."""
        async with AsyncExitStack() as stack:
            ports = await stack.enter_async_context(self._ports_of(sheet, sheet.node, lock))
            names = dict.fromkeys(task.on for task in sheet.plan.tasks if task.on)
            for name in names:
                relative = self._inventory.node(name)
                its_lock = await stack.enter_async_context(self._locked(relative))
                ports.relatives[name] = await stack.enter_async_context(
                    self._ports_of(sheet, relative, its_lock)
                )
                stack.callback(self._note_power, sheet, name, its_lock)
            yield ports

    def _note_power(self, sheet: RunSheet, relative: str, lock: Lock) -> None:
        """Remember how the run left a relative's machine."""
        power = power_of(sheet.record, on=relative)
        if power is not None:
            update_node(self._store, relative, lambda record: replace(record, power=power), fence=lock.fence)

    def _ports_of(self, sheet: RunSheet, node: Node, lock: Lock) -> AbstractAsyncContextManager[Ports]:
        return self._wire.ports(
            node, keys=sheet.keys, record=sheet.record, folder=sheet.folder.path, check=lock.check
        )

    def _prepare(self, sheet: RunSheet, ports: Ports, tell: Tell, standing: Standing) -> Run:
        run = Run(
            plan=sheet.plan,
            ports=ports,
            record=sheet.record,
            tell=tell,
            tidy=tidy_tasks(sheet.node, sheet.request.verb, leave_running=self._options.leave_running),
            tidy_aborted=tidy_aborted(sheet.node, sheet.request.verb),
            to_end=sheet.to_end,
            replan=replanning(sheet.node, sheet.knowledge, sheet.request, sheet.record),
            redo=self._options.redo,
            helm=NodeHelm(self._store, sheet.node.name),
            clock=self._clock,
        )
        run.tell = state_keeper(tell, standing, run.waits_for_agent)
        return run

    # -- what is kept of it ------------------------------------------------------------------------

    def _enter(self, sheet: RunSheet, standing: Standing, story: Story) -> None:
        earlier = standing.enter(sheet.run_id, sheet.request)
        story.entered = True
        if earlier is not None:
            self._runs.forget(earlier)

    def _fail(
        self, sheet: RunSheet, standing: Standing, story: Story, failure: Exception | asyncio.CancelledError
    ) -> None:
        # A full disk may be the very failure: it must not hide behind a second one.
        with suppress(BmctlError):
            sheet.record.put("controller requests", story.requests)
            sheet.record.end(**failure_outcome(failure))
        with suppress(BmctlError):
            standing.fail(failure, sheet.request, sheet.record)
        if isinstance(failure, AbortedError):
            NodeHelm(self._store, sheet.node.name).forget()
        if not story.entered or isinstance(failure, AbortedError):
            sheet.folder.forget_secrets()

    def _finish(self, sheet: RunSheet, standing: Standing, story: Story) -> None:
        """The node's record first: a run that is cut off here leaves a node that no run overwrites."""
        sheet.record.put("controller requests", story.requests)
        standing.finish(sheet.request, sheet.record)
        if sheet.new_password is not None:
            story.facts["rescue_password"] = sheet.new_password
        sheet.record.end("done")
        NodeHelm(self._store, sheet.node.name).forget()
        sheet.folder.forget_secrets()

    # -- how a run starts --------------------------------------------------------------------------

    def _begin(self, standing: Standing, request: Request) -> RunSheet:
        """A new run; refuses a node that is in a state or has a flag which forbids it."""
        node = standing.node
        known = standing.known() or NodeRecord(name=node.name)
        cut_off = known.provision_state in UNDER_WAY
        entered(given_up(known) if cut_off else known, request)
        if cut_off:
            self._give_up(standing, known)
        NodeHelm(self._store, node.name).forget(holds=False)
        return self._runs.begin(
            node,
            request,
            self._knowledge(standing),
            ramdisk=self._wire.ramdisk_digest(node),
            rescue_password=self._options.rescue_password,
        )

    def _reopen(self, standing: Standing) -> RunSheet:
        known = standing.known()
        NodeHelm(self._store, standing.node.name).forget(holds=False)
        held = self._runs.is_held(known)
        sheet = self._runs.reopen(standing.node, known, self._knowledge(standing))
        if held:
            self._release(sheet)
        return sheet

    def _reopen_to_end(self, standing: Standing) -> RunSheet:
        known = standing.known()
        if known is None or not _can_be_aborted(known):
            state = known.provision_state if known else "enroll"
            raise InvalidError(
                f"there is nothing to abort: the node is {state}",
                hint=f"see what it is doing with: bmctl node show {standing.node.name}",
            )
        return self._runs.reopen(standing.node, known, self._knowledge(standing), to_end=True)

    def _release(self, sheet: RunSheet) -> None:
        """The hold at which the run stands is passed; later ones still count."""
        record = sheet.record
        task = next((task for task in sheet.plan.tasks if not record.done(task.key)), None)
        if task is None:
            return
        if isinstance(task.args, Hold):
            record.put(RELEASED, sorted({*released(record.get(RELEASED)), task.args.number}))
        NodeHelm(self._store, sheet.node.name).release(task)

    def _knowledge(self, standing: Standing) -> Knowledge:
        node = standing.node
        return knowledge_of(self._inventory, node, standing.known(), ramdisk=self._wire.ramdisk_digest(node))

    def _give_up(self, standing: Standing, known: NodeRecord) -> None:
        """A run whose process died, or that was held, left its state behind: it failed."""
        held = known.provision_state in HELD
        text = "was held" if held else "was cut off (bmctl resume would have gone on)"
        standing.give_up()
        note = f"run {known.run_id} {text}; starting anew"
        self._tell(RunEvent(node=standing.node.name, kind=EventKind.NOTE, text=note))

    @asynccontextmanager
    async def _locked(self, node: Node) -> AsyncIterator[Lock]:
        with self._store.lock(node_key(node.name), self._owner, lease=LEASE) as lock:
            renewing = asyncio.create_task(_renew(lock))
            try:
                yield lock
            finally:
                renewing.cancel()


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


def _can_be_aborted(known: NodeRecord) -> bool:
    ends = UNDER_WAY | {ProvisionState.SERVICE_FAILED}
    return known.run_id is not None and known.provision_state in ends


async def _renew(lock: Lock) -> None:
    """Keep the lease alive; a lock that is lost is noticed before the next change of the machine."""
    with suppress(BmctlError):
        while True:
            await asyncio.sleep(RENEW_EVERY)
            lock.renew()
