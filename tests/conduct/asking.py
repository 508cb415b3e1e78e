"""Asking for a deploy or a resume of nodes on paper, and putting nodes in a state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from paper_clock import on_paper

from bmctl.model.states import ProvisionState
from bmctl.store.record import update_node


def deploy(site: Any, *names: str, **options: Any) -> Any:
    """The outcome of one node, or those of all."""
    outcomes = on_paper(site.deploy(*names, **options))
    return outcomes[0] if len(outcomes) == 1 else outcomes


def resume(site: Any, *names: str, **options: Any) -> Any:
    outcomes = on_paper(site.resume(*names, **options))
    return outcomes[0] if len(outcomes) == 1 else outcomes


def put_state(site: Any, state: ProvisionState, name: str = "n1") -> None:
    update_node(site.store, name, lambda record: replace(record, provision_state=state))
