"""Inspection rules as they come out of an inventory."""

from __future__ import annotations

from pathlib import Path

from bmctl.inventory import load
from bmctl.model.inspection import Comparison, Condition

NODES = """\
nodes:
  - name: n1
    bmc: {address: https://10.0.0.1}
    network: {mac: 52:54:00:12:34:01, address: 192.0.2.11/24}
"""
RULES = """\
inspection_rules:
  - description: |
      Machines for databases
    when:
      - {field: memory.physical_mb, op: GE, value: 65_536_not_it}
  - when: [{field: hostname, op: is-empty}]
    traits: CUSTOM_NAMELESS
  - properties: {owner: us, rack: 7}
"""


def test_rules_are_read_in_order_with_their_places(tmp_path: Path):
    path = tmp_path / "inventory.yaml"
    path.write_text(
        NODES + RULES.replace("65_536_not_it}", "65536}\n    traits: [CUSTOM_BIG, HW_CPU_X86_AVX2]")
    )
    big, nameless, all_of_them = load(path).inspection_rules
    assert big.when == (Condition(field="memory.physical_mb", comparison=Comparison.GE, value="65536"),)
    assert big.traits == ("CUSTOM_BIG", "HW_CPU_X86_AVX2")
    assert big.title == "Machines for databases"
    assert str(big.place) == f"{path}:6:5"
    assert nameless.when[0].value is None
    assert nameless.title == "hostname is-empty"
    assert all_of_them.when == ()
    assert all_of_them.properties == {"owner": "us", "rack": "7"}
    assert all_of_them.title == "every machine"


def test_an_inventory_without_rules_has_none(tmp_path: Path):
    path = tmp_path / "inventory.yaml"
    path.write_text(NODES)
    assert load(path).inspection_rules == ()
