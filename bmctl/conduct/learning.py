"""What a run learnt of a machine, put into its node's record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bmctl.agent.hardware import read_hardware
from bmctl.flows.inspection import conclude
from bmctl.flows.remembered import remember
from bmctl.flows.request import Verb
from bmctl.model.firmware import PowerState
from bmctl.model.inspection import InspectionRule
from bmctl.model.node import Node
from bmctl.steps.payload import LISTINGS
from bmctl.steps.release_machine import POWER_AFTER
from bmctl.store.marks import Mark, RunRecord
from bmctl.store.record import NodeRecord

# The journal's fact of which ramdisk the run boots.
RAMDISK = "ramdisk"


def learn(record: NodeRecord, verb: Verb, run: RunRecord, now: float) -> NodeRecord:
    """The record with the agent's version, its steps, and what the machine was seen to be."""
    agent = {**record.agent, "usual": _usual(record, verb, run)}
    if (met := run.get("agent")) is not None:
        agent["version"] = met.get("version")
    if verb is Verb.DEPLOY:
        agent["instance_id"] = run.get("instance_id")
    if verb is Verb.UNDEPLOY:
        agent.pop("instance_id", None)
    return replace(
        remembering_steps(record, run, now),
        agent=agent,
        power=power_of(run) or record.power,
        inspection=_inspection(record, run, now),
    )


def remembering_steps(record: NodeRecord, run: RunRecord, now: float) -> NodeRecord:
    """The record with the steps that the agent of this run offered."""
    told = run.get(LISTINGS)
    if not told:
        return record
    met = run.get("agent") or {}
    listings = remember(
        record.listings,
        digest=run.get(RAMDISK) or "unknown",
        agent=met.get("version"),
        told=told,
        now=now,
    )
    return replace(record, listings=listings)


def _usual(record: NodeRecord, verb: Verb, run: RunRecord) -> dict[str, Any]:
    """What each task took, by verb, for the time left of the next run."""
    return {**(record.agent.get("usual") or {}), verb.value: dict(run.seconds)}


def power_of(run: RunRecord, *, on: str = "") -> PowerState | None:
    """How the run left the machine, by the last of its tasks that switched it; None if it never did.

    `on` names a relative whose machine is meant in place of the node's own.
    """
    if not on and (after := run.get(POWER_AFTER)) is not None:
        return PowerState(after)
    last = None
    for task, mark in run.marks.items():
        name, _, where = task.partition("#")[0].partition("@")
        step = name.partition(":")[0]
        if where != on:
            continue
        if mark is Mark.DONE and step in _LEFT:
            last = _LEFT[step]
        elif mark is Mark.DONE and step == "power.restore" and run.get("power_before") is not None:
            last = PowerState(run.get("power_before"))
    return last


_LEFT = {
    "power.power_off": PowerState.OFF,
    "power.shut_down": PowerState.OFF,
    "power.power_on": PowerState.ON,
    "reserved.power_off": PowerState.OFF,
    "reserved.power_on": PowerState.ON,
    "reserved.reboot": PowerState.ON,
    "deploy.tear_down_agent": PowerState.OFF,
    "deploy.boot_instance": PowerState.ON,
}


def concluded(record: NodeRecord, node: Node, rules: tuple[InspectionRule, ...]) -> dict[str, Any]:
    """The last look at the machine, with the properties and traits that follow from it."""
    if not record.inspection.get("hardware"):
        return record.inspection
    findings = conclude(
        read_hardware(record.inspection["hardware"]),
        node=node,
        description=record.description,
        rules=rules,
    )
    return {**record.inspection, "properties": dict(findings.properties), "traits": list(findings.traits)}


def _inspection(record: NodeRecord, run: RunRecord, now: float) -> dict[str, Any]:
    """What the last look at the machine found; what was on disks that were written since is not known."""
    if run.get("hardware") is None:
        return record.inspection
    kept = {name: value for name, value in record.inspection.items() if name != "disks"}
    found = {**kept, "hardware": run.get("hardware"), "learnt": now}
    if run.get("disks") is not None and not _ran(run, "agent.run_step"):
        found["disks"] = [disk for disk in run.get("disks") if not _is_written(disk["name"], run)]
    return found


def _is_written(name: str, run: RunRecord) -> bool:
    """Whether the image went to this disk after it was looked at."""
    return _ran(run, "deploy.write_image") and (run.get("disk") or {}).get("name") == name


def _ran(run: RunRecord, step: str) -> bool:
    return any(task.startswith(step) for task in run.marks)
