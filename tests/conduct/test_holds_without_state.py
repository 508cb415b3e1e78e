"""Holds in operations whose nodes have no state for them: inspection and rescue."""

from __future__ import annotations

import pytest
from paper_clock import on_paper

from bmctl.conduct.helm import NodeHelm
from bmctl.model.firmware import PowerState
from bmctl.model.states import ProvisionState


@pytest.fixture
def held(site):
    """An inspection that is held before it looks at the disks."""
    world = site.world()
    NodeHelm(site.store, "n1").hold_before("agent.look_at_disks")
    (outcome,) = on_paper(site.run("inspect"))
    assert outcome.held
    assert site.record().provision_state is ProvisionState.INSPECTING
    assert world.machine.power is PowerState.ON
    return outcome


def test_an_inspection_that_is_held_goes_on(site, held):
    (outcome,) = on_paper(site.resume())
    assert outcome.ok, outcome.error
    assert outcome.run_id == held.run_id
    assert NodeHelm(site.store, "n1").holds() == ()
    assert site.record().provision_state is ProvisionState.MANAGEABLE


def test_an_inspection_that_is_held_is_aborted(site, held):
    (outcome,) = on_paper(site.conductor().abort(site.nodes()))
    assert outcome.ok, outcome.error
    assert site.record().provision_state is ProvisionState.INSPECT_FAILED
    assert site.world().machine.image is None
