"""When steps of the controller may be asked for."""

from __future__ import annotations

from bmctl.model.steps import StepKind

ASKED_FOR = frozenset({StepKind.CLEAN, StepKind.DEPLOY, StepKind.SERVICE})
