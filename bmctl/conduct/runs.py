"""Runs on the disk: a new one begun, an unfinished one opened again, and the secrets that both need."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bmctl.conduct.learning import RAMDISK
from bmctl.engine.plan import Plan
from bmctl.errors import HeldError, InvalidError
from bmctl.flows.knowledge import Knowledge
from bmctl.flows.plans import plan_for
from bmctl.flows.request import Request, Verb
from bmctl.media.credentials import RunCredentials, make_credentials
from bmctl.model.node import Node
from bmctl.steps.payload import LISTINGS
from bmctl.store.directory import StateDirectory, make_run_id
from bmctl.store.history import HistoryEntry, remember_run
from bmctl.store.journal import Journal
from bmctl.store.marks import RunRecord
from bmctl.store.record import NodeRecord
from bmctl.store.run_folder import RunFolder
from bmctl.wire import RunKeys

# What the run knew when it began, so that a resume plans the same.
_KNOWN = "known"
_OVER = frozenset({"done", "aborted"})
HELD = "held"
_PASSWORD = "rescue_password"  # noqa: S105 - the name of it


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSheet:
    """One run being conducted. `resumed` says that an earlier process began it, `to_end` that it ends now."""

    node: Node
    request: Request
    knowledge: Knowledge
    plan: Plan
    folder: RunFolder
    journal: Journal
    record: RunRecord
    keys: RunKeys
    resumed: bool
    to_end: bool = False

    @property
    def new_password(self) -> str | None:
        """The password of a rescue that was made for it; None where the operator gave one."""
        made = self.journal.header.get("password") == "made"
        return self.keys.rescue_password or None if made else None

    @property
    def run_id(self) -> str:
        """What the run is called."""
        return self.folder.path.name

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be written anywhere else."""
        keys = self.keys
        kept = (keys.path_key, keys.credentials.token, keys.credentials.key_pem, keys.rescue_password)
        return tuple(secret for secret in kept if secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of a state directory; `clock` gives seconds since the epoch."""

    directory: StateDirectory
    clock: Callable[[], float]

    def begin(
        self,
        node: Node,
        request: Request,
        knowledge: Knowledge,
        *,
        ramdisk: str | None,
        rescue_password: str | None = None,
    ) -> RunSheet:
        """A new run, of the plan that is right now. Raises `InvalidError` where there is none.

        `ramdisk` is the digest of the one that the node will boot. A rescue without a password gets one.
        """
        plan = plan_for(node, knowledge, request)
        now = self.clock()
        folder = RunFolder(self.directory.create_run(make_run_id(now)))
        remember_run(self.directory, node.name, HistoryEntry(run=folder.path.name, verb=plan.verb, began=now))
        folder.keep_plan(plan.to_json())
        folder.keep_secrets(_new_secrets(node, request, rescue_password))
        header = {
            "node": node.name,
            "verb": request.verb.value,
            "request": request.to_json(),
            "plan": plan.digest,
            "publisher": str(uuid.uuid4()),
            "timestamp": int(now),
            "password": "given" if rescue_password else "made",
        }
        journal = folder.begin(header, clock=self.clock)
        record = RunRecord(journal)
        record.put("instance_id", str(uuid.uuid4()))
        record.put("timestamp", int(now))
        record.put(RAMDISK, ramdisk)
        record.put(_KNOWN, knowledge.to_json())
        return RunSheet(
            node=node,
            request=request,
            knowledge=knowledge,
            plan=plan,
            folder=folder,
            journal=journal,
            record=record,
            keys=_keys(folder, journal),
            resumed=False,
        )

    def reopen(
        self, node: Node, known: NodeRecord | None, knowledge: Knowledge, *, to_end: bool = False
    ) -> RunSheet:
        """The node's last run, if it is unfinished and its plan is still the same.

        With `to_end` it is opened only to be ended, whatever its plan would be now.
        """
        folder = self._unfinished(node, known)
        journal = folder.reopen(clock=self.clock)
        try:
            return _reopened(node, folder, journal, knowledge, to_end=to_end)
        except BaseException:
            journal.close()
            raise

    def is_held(self, known: NodeRecord | None) -> bool:
        """Whether the node's last run waits for an operator."""
        if known is None or known.run_id is None:
            return False
        return RunFolder(self.directory.run(known.run_id)).outcome() == HELD

    def forget(self, run_id: str) -> None:
        """A run that will not be gone on with needs its secrets no more."""
        RunFolder(self.directory.run(run_id)).forget_secrets()

    def _unfinished(self, node: Node, known: NodeRecord | None) -> RunFolder:
        if known is None or known.run_id is None:
            raise InvalidError("there is no run to resume", hint=f"start one with: bmctl deploy {node.name}")
        folder = RunFolder(self.directory.run(known.run_id))
        if (outcome := folder.outcome()) in _OVER:
            raise InvalidError(
                f"run {known.run_id} is {outcome}, there is nothing to resume",
                hint=f"see what it did with: bmctl node history {node.name} --run {known.run_id}",
            )
        return folder


def replanning(
    node: Node, knowledge: Knowledge, request: Request, record: RunRecord
) -> Callable[[Plan, RunRecord], Plan]:
    """Makes the plan anew whenever the run has learnt of other steps than it knew before."""
    known = record.get(LISTINGS)

    def replan(plan: Plan, record: RunRecord) -> Plan:
        nonlocal known
        if (learnt := record.get(LISTINGS)) is known:
            return plan
        known = learnt
        return plan_for(node, knowledge.with_listings(learnt), request)

    return replan


def _reopened(
    node: Node, folder: RunFolder, journal: Journal, knowledge: Knowledge, *, to_end: bool
) -> RunSheet:
    record = RunRecord(journal)
    request = _request(node, journal)
    knowledge = knowledge.as_kept(record.get(_KNOWN) or {"description": {}, "listings": {}})
    if not to_end:
        _require_same_plan(node, plan_for(node, knowledge, request), journal)
    learnt = record.get(LISTINGS)
    now = knowledge.with_listings(learnt) if learnt else knowledge
    nothing = Plan(node=node.name, verb=request.verb.value, tasks=())
    return RunSheet(
        node=node,
        request=request,
        knowledge=knowledge,
        plan=nothing if to_end else plan_for(node, now, request),
        folder=folder,
        journal=journal,
        record=record,
        keys=_keys(folder, journal),
        resumed=True,
        to_end=to_end,
    )


def _request(node: Node, journal: Journal) -> Request:
    kept: Any = journal.header.get("request")
    if kept is None:
        raise HeldError(
            "the run was begun by an older bmctl, which did not write down all that was asked for",
            hint=f"start anew: bmctl {journal.header.get('verb', 'deploy')} {node.name}",
        )
    return Request.from_json(kept)


def _new_secrets(node: Node, request: Request, rescue_password: str | None) -> dict[str, str]:
    credentials = make_credentials([address.ip for address in node.network.addresses], name=node.name)
    found = {**credentials.to_dict(), "path_key": secrets.token_urlsafe(24)}
    if request.verb is Verb.RESCUE:
        found[_PASSWORD] = rescue_password or secrets.token_urlsafe(12)
    return found


def _keys(folder: RunFolder, journal: Journal) -> RunKeys:
    kept = folder.read_secrets()
    path_key = kept.pop("path_key")
    password = kept.pop(_PASSWORD, "")
    header: Any = journal.header
    return RunKeys(
        credentials=RunCredentials.from_dict(kept),
        path_key=path_key,
        publisher=header["publisher"],
        timestamp=header["timestamp"],
        rescue_password=password,
    )


def _require_same_plan(node: Node, plan: Plan, journal: Journal) -> None:
    if journal.header.get("plan") != plan.digest:
        raise HeldError(
            "the inventory has changed since this run began: its plan is another one now",
            hint=f"put the inventory back and resume, or start anew: bmctl {plan.verb} {node.name}",
        )
