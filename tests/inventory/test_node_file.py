"""Node files: trying out templates where no machine is."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_interface
from pathlib import Path

import pytest

from bmctl.inventory import Inventory, InventoryError
from bmctl.inventory.node_file import IMAGE, NETWORK, load_node_file
from bmctl.inventory.step_list import read_step_list
from bmctl.model.node import DriverName

TEMPLATE = "templates: {CUSTOM_A: {steps: [{interface: deploy, step: erase_pstore, priority: 95}]}}\n"
KEYS = "traits: [CUSTOM_A]\ninstance: {traits: CUSTOM_A}\n"


@pytest.fixture
def loaded_node_file(tmp_path: Path) -> Callable[[str], Inventory]:
    def loaded(text: str) -> Inventory:
        path = tmp_path / "node.yaml"
        path.write_text(text)
        return load_node_file(path)

    return loaded


@pytest.mark.parametrize(
    "text",
    [
        TEMPLATE + KEYS,
        TEMPLATE + "node:\n  " + KEYS.replace("\n", "\n  "),
        TEMPLATE + "nodes:\n  - name: node\n    " + KEYS.replace("\n", "\n    "),
        TEMPLATE + "nodes:\n  node:\n    " + KEYS.replace("\n", "\n    "),
        TEMPLATE + "defaults:\n  " + KEYS.replace("\n", "\n  ") + "\nnode: {name: node}\n",
    ],
)
def test_every_form_gives_the_node_with_its_templates(
    text: str, loaded_node_file: Callable[[str], Inventory]
) -> None:
    inventory = loaded_node_file(text)
    (node,) = inventory.nodes
    assert (node.name, node.bmc.driver, node.bmc.address) == ("node", DriverName.FAKE, "fake:node")
    assert node.network.addresses[0] in NETWORK
    assert node.image is not None
    assert node.image.source == IMAGE
    assert [template.name for template in inventory.templates_for(node)] == ["CUSTOM_A"]


def test_only_what_is_missing_is_made_up(loaded_node_file: Callable[[str], Inventory]) -> None:
    first, second, third, fourth = loaded_node_file(
        """networks: {rack: {prefix: 192.0.2.0/24, gateway: 192.0.2.1, vlan: 7}}
nodes:
  a: {bmc: {address: 10.0.0.1, username: root}, network: {mac: 525400000001, address: 10.0.1.1/24}}
  b: {bmc: {username: root}, network: {use: rack}}
  c: {network: {gateway: 10.0.0.1, mac: 525400000003}}
  d: {}
"""
    ).nodes
    assert (first.bmc.driver, first.network.addresses) == (DriverName.REDFISH, (ip_interface("10.0.1.1/24"),))
    assert (second.bmc.address, second.bmc.username) == ("fake:b", "root")
    assert second.network.addresses == (ip_interface("192.0.2.17/24"),)
    assert third.network.macs == ("52:54:00:00:00:03",)
    assert len({node.network.macs for node in (second, third, fourth)}) == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (KEYS + "imag: x\n", 'node.yaml:3:1: imag: unknown key, did you mean "image"?'),
        (
            "node: {bmc: {adress: x}}\n",
            'node.yaml:1:14: node.bmc.adress: unknown key, did you mean "address"?',
        ),
        ("node: {}\ntraits: CUSTOM_A\n", "node.yaml:2:1: traits: unknown key"),
        (
            "node: web\n",
            "node.yaml:1:7: node: a machine is a mapping with name, bmc and network, not text",
        ),
        (
            KEYS.replace("[CUSTOM_A]", "[]"),
            "node.yaml:2:20: instance.traits: CUSTOM_A is none of node's traits",
        ),
        ("", "node.yaml: is empty; an inventory lists its machines in nodes"),
    ],
)
def test_mistakes_are_told_at_their_place(
    text: str, problem: str, loaded_node_file: Callable[[str], Inventory]
) -> None:
    with pytest.raises(InventoryError) as caught:
        loaded_node_file(text)
    assert [str(found).rpartition("/")[2] for found in caught.value.problems] == [problem]


MANUAL = (Path(__file__).parents[2] / "docs" / "inventory.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", MANUAL.partition("## Deploy templates")[2], re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_manuals_examples_of_steps_can_be_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(text)
    assert read_step_list(path) if text.startswith("- ") else load_node_file(path).nodes
