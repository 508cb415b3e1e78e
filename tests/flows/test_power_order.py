"""Who is switched before whom: a child node has its power from its parent."""

from __future__ import annotations

import pytest
from paper_node import make_node

from bmctl.flows.power_order import power_waves
from bmctl.model.firmware import PowerAction

RACK = (
    make_node("chassis"),
    make_node("server", parent="chassis"),
    make_node("card", parent="server"),
    make_node("bluefield", parent="server", dedicated_power=True),
    make_node("alone"),
)


def waves(action, *names):
    chosen = tuple(node for node in RACK if node.name in names)
    return [
        sorted(f"{node.name} {what}" for node, what in wave) for wave in power_waves(RACK, chosen, action)
    ]


@pytest.mark.parametrize(
    ("action", "names", "expected"),
    [
        (PowerAction.ON, ["card"], [["chassis on"], ["server on"], ["card on"]]),
        (PowerAction.ON, ["bluefield"], [["bluefield on"]]),
        (PowerAction.ON, ["chassis"], [["chassis on"]]),
        (PowerAction.OFF, ["server"], [["card off"], ["server off"]]),
        (PowerAction.OFF, ["chassis", "alone"], [["card off"], ["server off"], ["alone off", "chassis off"]]),
        (PowerAction.OFF, ["card"], [["card off"]]),
        (PowerAction.REBOOT, ["server"], [["card off"], ["server reboot"]]),
        (PowerAction.SOFT_OFF, ["server", "card"], [["card soft-off"], ["server soft-off"]]),
    ],
)
def test_order(action, names, expected):
    assert waves(action, *names) == expected
