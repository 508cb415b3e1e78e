"""What an inventory means: values, merging, networks, choosing nodes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bmctl.errors import InvalidError
from bmctl.inventory import Inventory, check, json_schema, load, text_values
from bmctl.model.hints import RootDeviceHints
from bmctl.model.network import Attachment, Bond, BondMode, Ethernet, NetworkConfig, Route, Vlan
from bmctl.model.secret import SecretKind

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"
EXAMPLE = ROOT / "inventory.example.yaml"


def network_of(inventory: Inventory) -> NetworkConfig:
    (node,) = inventory.nodes
    return node.network


def one_node(network: str, more: str = "") -> str:
    return f"{more}nodes:\n  - name: n1\n    bmc: {{address: 10.0.0.11}}\n    network: {network}\n"


def test_four_lines_make_a_node() -> None:
    inventory = load(CASES / "four_lines.yaml")
    (node,) = inventory.nodes
    assert (node.name, node.bmc.address, node.bmc.username) == ("n1", "https://10.0.0.11", "admin")
    assert node.bmc.password is not None
    assert (node.bmc.password.kind, node.bmc.password.text) == (SecretKind.ENV, "BMC_PASSWORD")
    assert node.bmc.password.place.endswith("four_lines.yaml:3:66")
    assert node.instance.hostname == "n1"
    assert node.network == NetworkConfig(
        links=(Ethernet(name="nic0", mac="52:54:00:12:34:56"),),
        attachments=(
            Attachment(
                link="nic0",
                addresses=(ip_interface("192.0.2.11/24"),),
                routes=(Route(destination=ip_network("0.0.0.0/0"), gateway=ip_address("192.0.2.1")),),
            ),
        ),
    )


def test_text_that_yaml_would_type_stays_text() -> None:
    (node,) = load(CASES / "text_stays_text.yaml").nodes
    assert (node.name, node.bmc.username, node.bmc.system) == ("0755", "off", "1e3")
    assert node.secure_boot is False
    assert node.root_device == RootDeviceHints(
        serial="0123", wwn="0x5000c500a1b2c3d4", model="12:30:45", size=100
    )
    assert node.instance.meta == {"time": "12:30:45", "answer": "yes", "empty": ""}


def test_anchors_and_merge_keys_are_followed() -> None:
    first, second = load(CASES / "anchors.yaml").nodes
    assert (first.bmc.address, second.bmc.address) == ("https://10.0.0.11", "https://10.0.0.12")
    assert second.bmc.username == "admin"


def test_node_wins_over_group_wins_over_defaults(loaded: Callable[[str], Inventory]) -> None:
    (node,) = loaded(
        """defaults: {bmc: {username: d, auth: basic, verify: off}, boot_mode: bios, traits: [CUSTOM_D]}
groups:
  g: {bmc: {username: g, auth: session}, traits: [CUSTOM_G, CUSTOM_H]}
nodes:
  - name: n
    group: g
    boot_mode: ~
    bmc: {username: n, address: h.example}
    network: {mac: 525400000001, address: 192.0.2.1/24}
"""
    ).nodes
    assert (node.bmc.username, node.bmc.auth, node.bmc.verify) == ("n", "session", False)
    assert (node.boot_mode, node.traits) == ("uefi", ("CUSTOM_G", "CUSTOM_H"))


def test_bond_with_vlan_makes_ports_bond_and_vlan(loaded: Callable[[str], Inventory]) -> None:
    network = network_of(
        loaded(
            one_node(
                '{address: ["2001:db8::5/64", 192.0.2.5/24], vlan: 120, mtu: 9000, search: example.org,'
                " bond: {mode: active-backup, macs: [52:54:00:00:00:01, 52:54:00:00:00:02]}}"
            )
        )
    )
    first, second = "52:54:00:00:00:01", "52:54:00:00:00:02"
    assert network.links == (
        Ethernet(name="nic0", mac=first, mtu=9000),
        Ethernet(name="nic1", mac=second, mtu=9000),
        Bond(name="bond0", mac=first, members=("nic0", "nic1"), mode=BondMode.ACTIVE_BACKUP, mtu=9000),
        Vlan(name="bond0.120", mac=first, link="bond0", vlan_id=120, mtu=9000),
    )
    assert network.address == IPv6Address("2001:db8::5")
    assert network.attachments[0].link == "bond0.120"
    assert network.search == ("example.org",)


def test_full_form_orders_links_by_what_they_are_made_of(loaded: Callable[[str], Inventory]) -> None:
    network = network_of(
        loaded(
            one_node(
                "{links: [{name: v7, vlan: 7, link: team}, {name: team, members: [a, b]},"
                " {name: a, mac: 525400000001}, {name: b, mac: 525400000002}],"
                " attachments: [{link: v7, address: 192.0.2.7/24}, {link: team,"
                " address: 198.51.100.7/24, routes: [{to: default, via: 198.51.100.1}]}]}"
            )
        )
    )
    assert [link.name for link in network.links] == ["a", "b", "team", "v7"]
    assert [item.link for item in network.attachments] == ["v7", "team"]
    assert network.attachments[1].routes[0].destination == ip_network("0.0.0.0/0")


def test_a_shared_network_gives_prefix_gateway_and_names(loaded: Callable[[str], Inventory]) -> None:
    prefixes, gateways = "[192.0.2.0/24, '2001:db8::/64']", "[192.0.2.1, fe80::1]"
    shared = f"networks: {{p: {{prefix: {prefixes}, gateway: {gateways}, dns: 192.0.2.53}}}}\n"
    inventory = loaded(one_node("{use: p, mac: 525400000001, address: 192.0.2.9}", shared))
    network = network_of(inventory)
    assert network.addresses == (ip_interface("192.0.2.9/24"),)
    assert [str(route.gateway) for route in network.attachments[0].routes] == ["192.0.2.1"]
    assert inventory.name_servers == (ip_address("192.0.2.53"),)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("10.0.0.11", "https://10.0.0.11"),
        ("HTTPS://BMC.Example.org:8443/", "https://bmc.example.org:8443"),
        ("http://[2001:DB8::1]:8000/redfish/v1/", "http://[2001:db8::1]:8000"),
        ("2001:db8::1", "https://[2001:db8::1]"),
    ],
)
def test_controllers_are_named_in_one_way(
    written: str, address: str, loaded: Callable[[str], Inventory]
) -> None:
    text = one_node("{mac: 525400000001, address: 192.0.2.9/24}").replace("10.0.0.11", f"'{written}'")
    assert loaded(text).nodes[0].bmc.address == address


def test_files_named_in_the_inventory_are_read_beside_it(tmp_path: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE4vJ0P6RKd0jDTx2Mk0XkVnXbqgS9nJ1mYhXw3v5dQe"
    (tmp_path / "keys").write_text(f"# ours\n{key} a\n\n{key} b\n")
    (tmp_path / "user-data").write_text("#cloud-config\n")
    (tmp_path / "disk.img").write_bytes(b"")
    path = tmp_path / "inventory.yaml"
    path.write_text(
        one_node("{mac: 525400000001, address: 192.0.2.9/24}")
        + "    image: disk.img\n    instance: {ssh_keys: file:keys, user_data: file:user-data}\n"
    )
    (node,) = load(path).nodes
    assert node.instance.ssh_keys == (f"{key} a", f"{key} b")
    assert node.instance.user_data == "#cloud-config\n"
    assert node.image is not None
    assert (node.image.name, node.image.source) == ("disk.img", str(tmp_path / "disk.img"))


def test_a_private_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n")
    path = tmp_path / "inventory.yaml"
    path.write_text(
        one_node("{mac: 525400000001, address: 192.0.2.9/24}") + "    instance: {ssh_keys: file:id}\n"
    )
    (problem,) = check(path)
    assert problem.message == "is a private key; name the public one (.pub)"


def test_nodes_are_chosen_by_name_pattern_and_group() -> None:
    inventory = load(EXAMPLE)

    def names(*words: str, groups: tuple[str, ...] = ()) -> list[str]:
        return [node.name for node in inventory.select(words, groups=groups)]

    assert names() == ["n1", "n2", "n3", "n4", "lab1", "lab1-card"]
    assert names("n3", "n1", "n3") == ["n1", "n3"]
    assert names("lab*", groups=("rack1",)) == ["n2", "n3", "n4", "lab1", "lab1-card"]
    for wrong, message in {"lab2": 'did you mean "lab1"?', "zz*": 'no node is named like "zz*"'}.items():
        with pytest.raises(InvalidError, match=wrong.rstrip("*")) as caught:
            inventory.select([wrong])
        assert message in caught.value.message
    with pytest.raises(InvalidError, match='no group "rack2"'):
        inventory.select(groups=["rack2"])


def test_a_literal_password_that_all_may_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text((CASES / "literal_password.yaml").read_text())
    path.chmod(0o644)
    messages = [str(problem) for problem in load(path).warnings]
    assert messages[0] == f"{path}: holds a password and may be read by everybody; run: chmod o-r {path}"
    assert "hunter2" not in repr(load(path))


def test_the_example_is_valid_and_covers_every_key_of_a_node() -> None:
    assert check(EXAMPLE) == ()
    text = EXAMPLE.read_text()
    definitions = json_schema()["$defs"]
    for keys in ("NodeKeys", "BmcKeys", "SharedNetworkKeys", "NetworkKeys", "AttachmentKeys"):
        for key in definitions[keys]["properties"]:
            assert f"{key}:" in text or key in {"driver", "ramdisk"}, f"{keys}.{key} is not in the example"


class _Core(yaml.SafeLoader):
    """Types scalars as editors do: YAML 1.2, which knows no sexagesimal numbers."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


_Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
_Core.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[0-9]+$"), list("0123456789"))
_Core.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(~|)$"), ["~", ""])


def test_the_schema_is_valid_and_takes_the_example_and_refuses_a_misspelt_key() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    document = yaml.load(EXAMPLE.read_text(), Loader=_Core)
    assert [error.message for error in validator.iter_errors(document)] == []
    assert validator.is_valid(yaml.load((CASES / "by_name.yaml").read_text(), Loader=_Core))
    document["nodes"][0]["bmc"]["adress"] = "x"
    assert not validator.is_valid(document)


def test_the_schema_in_the_manual_is_the_programs() -> None:
    written = json.loads((ROOT / "docs" / "inventory.schema.json").read_text())
    assert written == json_schema(), "write docs/inventory.schema.json anew with: bmctl schema"


def test_every_key_is_in_the_manual() -> None:
    manual = (ROOT / "docs" / "inventory.md").read_text()
    for name, definition in json_schema()["$defs"].items():
        for key in definition["properties"]:
            assert f"`{key}`" in manual, f"{name}.{key} is not in docs/inventory.md"


@given(st.binary(min_size=6, max_size=6).filter(lambda octets: not octets[0] & 1 and any(octets)), st.data())
def test_a_mac_is_the_same_however_it_is_written(octets: bytes, data: st.DataObject) -> None:
    plain = octets.hex(":")
    dotted = octets.hex(".", 2)
    written = data.draw(st.sampled_from([plain, plain.upper(), octets.hex("-"), octets.hex(), dotted]))
    assert text_values.mac(written) == plain


@given(st.ip_addresses())
def test_an_address_reads_back(address: Any) -> None:
    assert text_values.address(str(address)) == address
