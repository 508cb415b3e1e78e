"""Which of the agent's own steps there are on this machine."""

from __future__ import annotations

from bmctl.model.steps import StepKind
from bmctl.ports import Ports
from bmctl.steps.payload import LISTINGS


def is_offered(ports: Ports, step: str) -> bool:
    """Whether the agent of this run listed a deploy step of the deploy interface with this name."""
    listed = (ports.record.get(LISTINGS) or {}).get(StepKind.DEPLOY.value) or {}
    return any(each["interface"] == "deploy" and each["step"] == step for each in listed.get("steps", ()))
