"""Steps as values: templates and runbooks of an inventory, step files, steps on the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bmctl.errors import InvalidError
from bmctl.inventory import Inventory, InventoryError
from bmctl.inventory.parse import parse
from bmctl.inventory.scalars import typed
from bmctl.inventory.step_list import read_step_list, read_step_words
from bmctl.model.hints import RootDeviceHints
from bmctl.model.node import StepPriorities
from bmctl.model.steps import Place, ReservedStep, WantedStep

CASES = Path(__file__).parent / "step_files"

MACHINE = "    bmc: {address: 10.0.0.%d}\n    network: {mac: 52540000000%d, address: 192.0.2.%d/24}\n"

STEPS = """templates:
  CUSTOM_B:
    description: firmware first
    steps:
      - interface: bios
        step: apply_configuration
        priority: "150"
        args:
          settings: [{name: LogicalProc, value: Off, count: 2}]
          "wait": ~
      - {step: hold, priority: 90}
      - {interface: deploy, step: write_image, priority: 0}
  CUSTOM_A:
    steps: [{interface: deploy, step: erase_pstore, priority: 95}]
runbooks:
  wipe:
    traits: [CUSTOM_A, CUSTOM_C]
    disable_ramdisk: true
    steps:
      - {step: power_off, execute_on_child_nodes: yes, limit_child_node_execution: card, order: 2}
      - {interface: deploy, step: erase_pstore, order: 1}
  CUSTOM_B:
    steps: [{step: wait, args: {seconds: 5}}]
nodes:
"""


def inventory_of(loaded: Callable[[str], Inventory], node: str) -> Inventory:
    parent = f"  - name: n1\n{node}{MACHINE % (1, 1, 1)}"
    return loaded(f"{STEPS}{parent}  - name: card\n    parent: n1\n{MACHINE % (2, 2, 2)}")


def test_templates_are_steps_with_origin_and_place(loaded: Callable[[str], Inventory]) -> None:
    inventory = inventory_of(
        loaded, "    traits: [CUSTOM_A, CUSTOM_B]\n    instance: {traits: [CUSTOM_A, CUSTOM_B]}\n"
    )
    node = inventory.node("n1")
    template, other = inventory.templates_for(node)
    assert (template.name, template.description, other.name) == ("CUSTOM_B", "firmware first", "CUSTOM_A")
    apply, hold, write = template.steps
    assert apply.key == "bios.apply_configuration"
    assert apply.arguments == {
        "settings": [{"name": "LogicalProc", "value": "Off", "count": 2}],
        "wait": None,
    }
    assert (apply.priority, write.priority, apply.origin) == (150, 0, "template CUSTOM_B")
    assert [(place.line, place.column) for place in apply.argument_places.values()] == [(9, 11), (10, 11)]
    assert apply.place is not None
    assert str(apply.place).endswith("inventory.yaml:6:15")
    assert template.place is not None
    assert str(template.place).endswith("inventory.yaml:2:3")
    assert hold.reserved is ReservedStep.HOLD
    assert WantedStep.from_json(json.loads(json.dumps(apply.to_json()))) == apply


def test_a_node_without_requested_traits_has_no_templates(loaded: Callable[[str], Inventory]) -> None:
    inventory = inventory_of(loaded, "    traits: [CUSTOM_A, CUSTOM_B]\n")
    assert inventory.templates_for(inventory.node("n1")) == ()


def test_runbooks_are_in_order_and_for_nodes_with_a_trait(loaded: Callable[[str], Inventory]) -> None:
    inventory = inventory_of(loaded, "    traits: CUSTOM_C\n    cleaning: {runbook: wipe}\n")
    runbook = inventory.runbook("wipe")
    erase, power = runbook.steps
    assert (erase.key, erase.on_children, erase.origin) == ("deploy.erase_pstore", False, "runbook wipe")
    assert (power.key, power.on_children, power.children) == ("power.power_off", True, ("card",))
    assert runbook.disable_ramdisk is True
    (node, card) = inventory.nodes
    assert (node.cleaning.runbook, inventory.children(node)) == ("wipe", (card,))
    assert runbook.is_for(node.traits)
    assert not inventory.runbook("CUSTOM_B").is_for(node.traits)
    with pytest.raises(InvalidError, match=r'no runbook "wip".*did you mean "wipe"'):
        inventory.runbook("wip")


def test_a_node_tells_how_it_is_cleaned(loaded: Callable[[str], Inventory]) -> None:
    inventory = inventory_of(
        loaded,
        "    cleaning:\n      automated: off\n"
        "      knobs: {disk_erasure_concurrency: 4, wipe_special_filesystems: false}\n"
        "    step_priorities: {clean: {deploy.erase_devices: 0}, verify: {boot.look: 3}}\n"
        "    disallowed_steps: raid.delete_configuration\n"
        "    skip_block_devices: [{serial: KEEP}, {size: 10}]\n"
        "    dedicated_power: true\n",
    )
    node = inventory.node("n1")
    assert node.cleaning.automated is False
    assert node.cleaning.knobs == {"disk_erasure_concurrency": 4, "wipe_special_filesystems": False}
    assert node.step_priorities == StepPriorities(clean={"deploy.erase_devices": 0}, verify={"boot.look": 3})
    assert node.disallowed_steps == ("raid.delete_configuration",)
    assert node.skip_block_devices == (RootDeviceHints(serial="KEEP"), RootDeviceHints(size=10))
    assert node.dedicated_power


@pytest.mark.parametrize("case", sorted(CASES.glob("*.*[!s]")), ids=lambda path: path.name)
def test_each_step_file_tells_its_steps_or_exactly_what_is_wrong(
    case: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(CASES)
    try:
        told = "".join(f"{_told(step)}\n" for step in read_step_list(Path(case.name)))
    except InventoryError as error:
        told = "".join(f"{problem}\n" for problem in error.problems)
    expected = case.with_suffix(".results")
    if request.config.getoption("--update-golden"):
        expected.write_text(told)
    assert told == expected.read_text()


def _told(step: WantedStep) -> str:
    return json.dumps({key: value for key, value in step.to_json().items() if value or value == 0})


@pytest.mark.parametrize(
    ("text", "key", "arguments"),
    [
        ("deploy.erase_devices_metadata", "deploy.erase_devices_metadata", {}),
        ("hold", "deploy.hold", {}),
        (" wait  seconds=5 ", "deploy.wait", {"seconds": 5}),
        ("power.reboot", "power.reboot", {}),
        ('deploy.clean_uefi_nvram match_patterns=["^HD"]', None, {"match_patterns": ["^HD"]}),
        ("deploy.a x=it's fine, y z=b=c d=[1, it's] e=https://h/?q=1&r=2", None,
         {"x": "it's fine, y", "z": "b=c", "d": [1, "it's"], "e": "https://h/?q=1&r=2"}),
        ("deploy.a x='it''s b=c' y=\"a \\\" #z\" z= w={k: {l: ']'}}", None,
         {"x": "it's b=c", "y": 'a " #z', "z": None, "w": {"k": {"l": "]"}}}),
        ('bios.a v=Off w=no t=12:30 y="5" b=true n=null f=-1.5e3', None,
         {"v": "Off", "w": "no", "t": "12:30", "y": "5", "b": True, "n": None, "f": -1500.0}),
    ],
)  # fmt: skip
def test_steps_on_the_command_line(text: str, key: str | None, arguments: dict[str, Any]) -> None:
    step = read_step_words(text)
    assert step.key == (key or text.split(maxsplit=1)[0])
    assert step.arguments == arguments
    assert step.argument_places == dict.fromkeys(arguments, Place(file="command line"))
    assert (step.origin, str(step.place), step.on_children) == ("command line", "command line", False)


@pytest.mark.parametrize(
    ("text", "children"), [("power_off@children", ()), ("power.power_on@a,b", ("a", "b"))]
)
def test_steps_for_child_nodes_on_the_command_line(text: str, children: tuple[str, ...]) -> None:
    step = read_step_words(text)
    assert (step.on_children, step.children, step.interface) == (True, children, "power")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be the name"),
        ("erase_devices", "has no interface before it"),
        ("deplyo.erase_devices", 'did you mean "deploy"?'),
        ("deploy.a-b", "cannot be the name"),
        ("hold@children", "hold cannot run on child nodes"),
        ("power_on@", "cannot be a name"),
        ("wait 5", '"5" is not NAME=VALUE'),
        ("wait seconds=1 seconds=2", "seconds is given twice"),
        ("deploy.a x=[1", 'the value of x is not YAML: a "," or "]" is missing'),
        ("deploy.a x=#fff", "put it in quotes"),
        ("deploy.a x=*y", "there is no &y"),
        ("deploy.a x=!y z", "the tag !y has no meaning"),
        ("deploy.a x={b: 1, b: 2}", '"b" is already given'),
        ("deploy.a password=hunter2 x=[", "the value of x"),
    ],
)
def test_wrong_steps_on_the_command_line_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read_step_words(text)
    assert message in caught.value.message
    assert "hunter2" not in caught.value.message


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc=# ", min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)


@given(st.dictionaries(NAMES, PLAIN, max_size=4))
def test_arguments_written_as_json_read_back(arguments: dict[str, Any]) -> None:
    words = " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
    assert read_step_words(f"deploy.a {words}").arguments == arguments


@given(PLAIN)
def test_what_a_yaml_writer_writes_reads_back(value: Any) -> None:
    tree, _, flaws = parse(yaml.safe_dump(value, allow_unicode=True))
    assert not flaws
    assert typed(tree) == value


@given(st.text())
def test_any_words_are_a_step_or_refused(text: str) -> None:
    try:
        step = read_step_words(f"deploy.a x={text}")
    except InvalidError:
        return
    assert json.loads(json.dumps(step.to_json())) == step.to_json()


def test_numbers_that_json_lacks_stay_text() -> None:
    for text in (".inf", "-.INF", ".nan", "1e999", "9" * 5000, "0b1", "1_000", "y", "on", "0777x", "1:30"):
        assert typed(text) == text
    assert (typed("0o17"), typed("0xff"), typed("007"), typed("+1"), typed("1.")) == (15, 255, 7, 1, 1.0)
    assert math.isclose(typed(".5"), 0.5)
