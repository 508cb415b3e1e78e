"""Files as they come: encodings, sizes, things that are no inventory."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bmctl.errors import ExitCode
from bmctl.inventory import InventoryError, Level, Problem, check, load
from bmctl.inventory.node_file import load_node_file
from bmctl.inventory.step_list import read_step_list

FOUR_LINES = (Path(__file__).parent / "cases" / "four_lines.yaml").read_text()


def only_problem(path: Path) -> str:
    with pytest.raises(InventoryError) as caught:
        load(path)
    assert caught.value.exit_code is ExitCode.INVALID
    assert check(path) == caught.value.problems
    (problem,) = caught.value.problems
    assert caught.value.message == str(problem)
    return str(problem).removeprefix(str(path))


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("utf-32"),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
)
def test_marked_encodings_and_windows_line_ends_are_read(
    encode: Callable[[str], bytes], write: Callable[[bytes], Path]
) -> None:
    assert [node.name for node in load(write(encode(FOUR_LINES))).nodes] == ["n1"]


def test_bytes_that_are_not_utf8_are_named_with_line_and_offset(write: Callable[[bytes], Path]) -> None:
    path = write(b"# ok\nname: caf\xe9\n")
    assert only_problem(path) == ":2:10: byte 14 of the file (0xe9) is not UTF-8; save it as UTF-8"


def test_control_characters_are_named(write: Callable[[bytes], Path]) -> None:
    assert only_problem(write(b"nodes: []\n# \x00")) == ":2:3: the character U+0000 is not allowed in YAML"


def test_missing_file_and_directory(tmp_path: Path) -> None:
    assert only_problem(tmp_path / "nowhere.yaml") == ": there is no such file"
    assert only_problem(tmp_path) == ": is a directory, not an inventory file"
    assert only_problem(tmp_path / "a\0b").endswith(": cannot be read: embedded null byte")


def test_a_file_of_somebody_else(write: Callable[[str], Path]) -> None:
    path = write(FOUR_LINES)
    path.chmod(0)
    child = os.fork() if os.geteuid() == 0 else None
    if child == 0:
        os.setuid(65534)
        os._exit(0 if _refused(path) else 1)
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    else:
        assert "permission denied" in only_problem(path)


def _refused(path: Path) -> bool:
    try:
        load(path)
    except InventoryError as error:
        return "permission denied" in error.message or "cannot be read" in error.message
    return False


def refusals(path: Path) -> list[Problem]:
    """Why the file is refused; nothing but an inventory error may come of it."""
    try:
        load(path)
    except InventoryError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_a_bomb_of_levels_is_refused(opening: str, write: Callable[[str], Path]) -> None:
    assert "levels deep" in only_problem(write(opening * 200_000))


def test_a_bomb_of_aliases_is_refused(write: Callable[[str], Path]) -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "millions of values" in only_problem(write("\n".join(lines)))


def test_a_ladder_of_aliases_is_refused(write: Callable[[str], Path]) -> None:
    lines = ["a: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 2000))]
    assert "levels deep" in only_problem(write("\n".join(lines)))


def test_a_thousand_nodes_come_in_the_order_of_the_file(write: Callable[[str], Path]) -> None:
    node = (
        "  - name: n{0}\n    bmc: {{address: https://10.1.{1}.{2}}}\n"
        "    network: {{mac: 52:54:00:00:{1:02x}:{2:02x}, address: 10.2.{1}.{2}/16}}\n"
    )
    nodes = [node.format(n, n >> 8, n & 255) for n in range(1, 1001)]
    inventory = load(write("nodes:\n" + "".join(nodes)))
    assert [node.name for node in inventory.nodes] == [f"n{n}" for n in range(1, 1001)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(text=st.one_of(st.text(), st.binary().map(lambda data: data.decode("latin-1"))))
@example(text="nodes: [{}]")
@example(text="nodes: {a: }")
@example(text="{[}]")
@example(text="? ")
@example(text="<<: 1")
@example(text="nodes: [*a]")
@example(text="---\n...\n---")
def test_any_text_is_an_inventory_or_an_inventory_error(text: str, write: Callable[[bytes], Path]) -> None:
    path = write(text.encode("utf-8", "surrogatepass"))
    assert all("\n" not in str(problem) for problem in refusals(path))


WORDS = st.sampled_from(
    [
        "nodes",
        "name",
        "bmc",
        "network",
        "address",
        "mac",
        "links",
        "routes",
        "use",
        "defaults",
        "groups",
        "bond",
        "x",
        "instance",
        "image",
        "images",
        "networks",
        "group",
        "prefix",
        "gateway",
        "attachments",
        "<<",
        "vlan",
        "ssh_keys",
        "https://10.0.0.1",
        "192.0.2.1/24",
        "525400000001",
        "~",
    ]
)
STEP_WORDS = st.sampled_from(
    [
        "nodes",
        "name",
        "defaults",
        "instance",
        "traits",
        "CUSTOM_A",
        "CUSTOM_B",
        "templates",
        "runbooks",
        "steps",
        "step",
        "interface",
        "deploy",
        "hold",
        "power_off",
        "args",
        "priority",
        "order",
        "5",
        "execute_on_child_nodes",
        "limit_child_node_execution",
        "true",
        "cleaning",
        "runbook",
        "knobs",
        "step_priorities",
        "clean",
        "deploy.a",
        "disallowed_steps",
        "skip_block_devices",
        "serial",
        "parent",
        "~",
    ]
)


def trees(words: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, object]]:
    inner = st.recursive(
        words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
        max_leaves=25,
    )
    return st.dictionaries(words, inner, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(tree=trees(WORDS) | trees(STEP_WORDS))
def test_any_shape_of_known_keys_is_an_inventory_or_an_inventory_error(
    tree: dict[str, object], write: Callable[[str], Path]
) -> None:
    text = "".join(f"{_written(key)}: {_written(value)}\n" for key, value in tree.items())
    path = write(text)
    assert refusals(path) == [problem for problem in check(path) if problem.level is Level.ERROR]
    for read in (load_node_file, read_step_list):
        with suppress(InventoryError):
            read(path)


def _written(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_written(key)}: {_written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return f'"{value}"' if value not in {"~", "<<"} else str(value)
