"""Hundreds of nodes in one process."""

from __future__ import annotations

import pytest
from paper_clock import on_paper


@pytest.mark.parametrize("count", [20, pytest.param(250, marks=pytest.mark.slow)])
def test_nodes_side_by_side(site, count):
    for number in range(count):
        site.world(f"n{number}")
    outcomes = on_paper(site.deploy(at_once=count))
    assert all(outcome.ok for outcome in outcomes)
    assert all(world.disk.image == world.digest for world in site.worlds.values())
    assert site.opened == 0
