"""Runs on the disk: a new one begun, an unfinished one opened again, and the secrets that both need."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bmctl.engine.plan import Plan
from bmctl.errors import HeldError, InvalidError
from bmctl.flows.deploy import plan_deploy
from bmctl.media.credentials import RunCredentials, make_credentials
from bmctl.model.node import Node
from bmctl.store.directory import StateDirectory, make_run_id
from bmctl.store.history import HistoryEntry, remember_run
from bmctl.store.journal import Journal
from bmctl.store.marks import RunRecord
from bmctl.store.record import NodeRecord
from bmctl.store.run_folder import RunFolder
from bmctl.wire import RunKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSheet:
    """One run being conducted. `resumed` says that an earlier process began it."""

    node: Node
    plan: Plan
    folder: RunFolder
    journal: Journal
    record: RunRecord
    keys: RunKeys
    resumed: bool

    @property
    def run_id(self) -> str:
        """What the run is called."""
        return self.folder.path.name

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be written anywhere else."""
        return (self.keys.path_key, self.keys.credentials.token, self.keys.credentials.key_pem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of a state directory; `clock` gives seconds since the epoch."""

    directory: StateDirectory
    clock: Callable[[], float]

    def begin(self, node: Node) -> RunSheet:
        """A new run, of the plan that is right now. Raises `InvalidError` where there is none."""
        plan = plan_deploy(node)
        now = self.clock()
        folder = RunFolder(self.directory.create_run(make_run_id(now)))
        entry = HistoryEntry(run=folder.path.name, verb=plan.verb, began=now)
        remember_run(self.directory, node.name, entry)
        folder.keep_plan(plan.to_json())
        folder.keep_secrets(_new_secrets(node))
        header = {
            "node": node.name,
            "verb": "deploy",
            "plan": plan.digest,
            "publisher": str(uuid.uuid4()),
            "timestamp": int(now),
        }
        journal = folder.begin(header, clock=self.clock)
        record = RunRecord(journal)
        record.put("instance_id", str(uuid.uuid4()))
        record.put("timestamp", int(now))
        return _sheet(node, plan, folder, journal, resumed=False)

    def reopen(self, node: Node, known: NodeRecord | None) -> RunSheet:
        """The node's last run, if it is unfinished and its plan is still the same."""
        if known is None or known.run_id is None:
            raise InvalidError("there is no run to resume", hint=f"start one with: bmctl deploy {node.name}")
        folder = RunFolder(self.directory.run(known.run_id))
        if folder.outcome() == "done":
            raise InvalidError(
                f"run {known.run_id} is done, there is nothing to resume",
                hint=f"deploy again with: bmctl deploy {node.name} --rebuild",
            )
        plan = plan_deploy(node)
        journal = folder.reopen(clock=self.clock)
        try:
            _require_same_plan(node, plan, journal)
            return _sheet(node, plan, folder, journal, resumed=True)
        except BaseException:
            journal.close()
            raise

    def forget(self, run_id: str) -> None:
        """A run that will not be gone on with needs its secrets no more."""
        RunFolder(self.directory.run(run_id)).forget_secrets()


def replanning(node: Node, record: RunRecord) -> Callable[[Plan, RunRecord], Plan]:
    """Makes the plan anew whenever the run has learnt of other steps than it knew before."""
    known = record.get("agent_steps")

    def replan(plan: Plan, record: RunRecord) -> Plan:
        nonlocal known
        if (learnt := record.get("agent_steps")) is known:
            return plan
        known = learnt
        return plan_deploy(node, agent_steps=learnt)

    return replan


def _sheet(node: Node, plan: Plan, folder: RunFolder, journal: Journal, *, resumed: bool) -> RunSheet:
    record = RunRecord(journal)
    return RunSheet(
        node=node,
        plan=plan_deploy(node, agent_steps=record.get("agent_steps")) if resumed else plan,
        folder=folder,
        journal=journal,
        record=record,
        keys=_keys(folder, journal),
        resumed=resumed,
    )


def _new_secrets(node: Node) -> dict[str, str]:
    credentials = make_credentials([address.ip for address in node.network.addresses], name=node.name)
    return {**credentials.to_dict(), "path_key": secrets.token_urlsafe(24)}


def _keys(folder: RunFolder, journal: Journal) -> RunKeys:
    kept = folder.read_secrets()
    path_key = kept.pop("path_key")
    header: Any = journal.header
    return RunKeys(
        credentials=RunCredentials.from_dict(kept),
        path_key=path_key,
        publisher=header["publisher"],
        timestamp=header["timestamp"],
    )


def _require_same_plan(node: Node, plan: Plan, journal: Journal) -> None:
    if journal.header.get("plan") != plan.digest:
        raise HeldError(
            "the inventory has changed since this run began: its plan is another one now",
            hint=f"put the inventory back and resume, or start anew: bmctl deploy {node.name}",
        )
