"""Edits of an inventory: what they change, and that every other character stays."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.errors import InvalidError
from bmctl.inventory import check
from bmctl.inventory.parse import parse
from bmctl.inventory.problems import Level
from bmctl.inventory.tree import Body, Items, Mark, Tree
from bmctl.store.filestore import open_store
from bmctl.upgrade.carry_out import carry_out
from bmctl.upgrade.edits import Insert, Remove, Rename, Replace, edited
from bmctl.upgrade.key_changes import Fate, KeyChange, find_changes
from bmctl.upgrade.plan import plan_rollback, plan_upgrade

EXAMPLE = Path(__file__).parent / "fixtures" / "inventory-1.yaml"
NAMES = [f"key{number}" for number in range(9)]
SCALARS = ["x", "12", "'it''s # no comment'", '"a: b, {c}"', "~", "ünï", "52:54:00:12:34:01"]
COMMENTS = ["# why", "# key1: not a key", "#", "# ünï { [ \" '"]


def mapping(children: Any) -> Any:
    return st.dictionaries(st.sampled_from(NAMES), children, min_size=1, max_size=4)


TREES = mapping(
    st.recursive(
        st.sampled_from(SCALARS),
        lambda inner: mapping(inner) | st.lists(inner, min_size=1, max_size=3),
        max_leaves=12,
    )
)


class Writer:
    """Writes a tree as YAML the way people do, each time differently."""

    def __init__(self, seed: int, line_end: str) -> None:
        self._random = random.Random(seed)
        self._end = line_end
        self._out = io.StringIO()

    def write(self, tree: dict[str, Any]) -> str:
        self._block(tree, "")
        return self._out.getvalue()

    def _block(self, tree: Any, indent: str, *, on_line: bool = False) -> None:
        entries = list(tree.items()) if isinstance(tree, dict) else [("-", item) for item in tree]
        for at, (key, value) in enumerate(entries):
            if not (on_line and at == 0):
                self._between(indent)
                self._out.write(indent)
            self._out.write("-" if key == "-" else f"{key}:")
            self._value(value, indent, in_list=key == "-")

    def _value(self, value: Any, indent: str, *, in_list: bool) -> None:
        inner = indent + "  "
        if isinstance(value, str) or self._random.random() < 0.4:
            self._out.write(f" {self._flow(value)}")
            self._line_end()
        elif in_list and isinstance(value, dict) and self._random.random() < 0.7:
            self._out.write(" ")
            self._block(value, inner, on_line=True)
        else:
            self._line_end()
            self._block(value, inner)

    def _flow(self, value: Any) -> str:
        gap = self._random.choice(["", " "])
        if isinstance(value, dict):
            return (
                "{"
                + gap
                + ", ".join(f"{key}: {self._flow(inner)}" for key, inner in value.items())
                + gap
                + "}"
            )
        if isinstance(value, list):
            return "[" + ", ".join(self._flow(inner) for inner in value) + gap + "]"
        return value

    def _line_end(self) -> None:
        if self._random.random() < 0.3:
            self._out.write(f"{self._random.choice(['  ', ' '])}{self._random.choice(COMMENTS)}")
        self._out.write(self._end)

    def _between(self, indent: str) -> None:
        while self._random.random() < 0.25:
            self._out.write(
                f"{indent}{self._random.choice(COMMENTS)}{self._end}"
                if self._random.random() < 0.6
                else self._end
            )


TEXTS = st.builds(
    lambda tree, seed, end: Writer(seed, end).write(tree),
    TREES,
    st.integers(0, 2**32),
    st.sampled_from(["\n", "\n", "\r\n"]),
)


def plain(tree: Tree) -> Any:
    if isinstance(tree, Body):
        return {key: plain(value) for key, value in tree.items()}
    return [plain(item) for item in tree] if isinstance(tree, Items) else tree


def every_key(tree: Tree) -> list[tuple[Body, str]]:
    inner = list(tree.values()) if isinstance(tree, Body) else list(tree) if isinstance(tree, Items) else []
    own = [(tree, key) for key in tree] if isinstance(tree, Body) else []
    return own + [found for part in inner for found in every_key(part)]


def offset(text: str, mark: Mark) -> int:
    return sum(len(line) for line in text.splitlines(keepends=True)[: mark[0] - 1]) + mark[1] - 1


def chosen(text: str, data: st.DataObject) -> tuple[Tree, Body, str]:
    root = parse(text)[0]
    body, key = data.draw(st.sampled_from(every_key(root)))
    return root, body, key


@given(TEXTS, st.data())
def test_a_rename_changes_the_key_and_nothing_else(text, data):
    _, body, key = chosen(text, data)
    mark = body.keys_at[key]
    at = offset(text, mark)
    assert edited(text, [Rename(mark, "renamed")]) == text[:at] + "renamed" + text[at + len(key) :]


@given(TEXTS, st.data())
def test_a_removal_takes_the_key_away_and_nothing_else(text, data):
    root, body, key = chosen(text, data)
    after = edited(text, [Remove(body.keys_at[key])])
    del body[key]
    assert plain(parse(after)[0]) == plain(root)
    if body:
        start = len(common_start(text, after))
        assert text.endswith(after[start:]), "one piece was cut out"
        cut = text[start : start + len(text) - len(after)]
        lines = [line.strip() for line in cut.splitlines()[1:]]
        assert not lines or not lines[-1].startswith("#"), "a comment that stands after it stays"


@given(TEXTS, st.data())
def test_an_insertion_adds_the_key_and_nothing_else(text, data):
    root, body, _ = chosen(text, data)
    after = edited(text, [Insert(body.mark, "added", "7")])
    body["added"] = "7"
    assert plain(parse(after)[0]) == plain(root)
    start = len(common_start(text, after))
    assert after.endswith(text[start:]), "one piece was put in"


@given(TEXTS, st.data())
def test_a_replacement_changes_the_value_and_nothing_else(text, data):
    root = parse(text)[0]
    bodies = [(body, key) for body, key in every_key(root) if not isinstance(body[key], Body | Items)]
    if not bodies:
        return
    body, key = data.draw(st.sampled_from(bodies))
    after = edited(text, [Replace(body.keys_at[key], "new")])
    at = offset(text, body.values_at[key])
    body[key] = "new"
    assert plain(parse(after)[0]) == plain(root)
    assert after[:at] == text[:at]


@given(TEXTS)
def test_no_edit_changes_nothing(text):
    assert edited(text, []) == text


def common_start(one: str, other: str) -> str:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return one[:length]


def test_a_block_of_text_goes_whole():
    text = "a:\n  user_data: |\n    # no comment\n    b: 1\n\n# about c\nc: 1\n"
    mark = parse(text)[0]["a"].keys_at["user_data"]
    assert edited(text, [Remove(mark)]) == "a:\n  {}\n\n# about c\nc: 1\n"


NODES = """\
nodes:
  - name: n1   # the first
    # how to reach it
    bmc: {address: a, verify: yes}

  - bmc:
      verify: no
    name: n2
"""


@pytest.mark.parametrize(
    ("mark", "cut", "left"),
    [
        ((2, 5), "name: n1   # the first\n    # how", "# how"),
        ((4, 23), ", verify: yes", ""),
        ((4, 11), "address: a, ", ""),
        ((6, 5), "bmc:\n      verify: no\n    ", ""),
        ((7, 7), "verify: no", "{}"),
        ((8, 5), "    name: n2\n", ""),
    ],
)
def test_how_a_key_goes(mark, cut, left):
    assert NODES.count(cut) == 1
    assert edited(NODES, [Remove(mark)]) == NODES.replace(cut, left)


def test_what_aliases_share_is_changed_once():
    text = "a: &x {old: 1}\nb: *x\nc:\n  <<: *x\n  d: 1\n"
    root = parse(text)[0]
    marks = {body.keys_at["old"] for body in (root["a"], root["b"], root["c"])}
    assert edited(text, [Rename(mark, "new") for mark in marks]) == text.replace("old", "new")


@pytest.mark.parametrize("edit", [Rename((9, 1), "x"), Remove((1, 2)), Insert((2, 5), "x", "1")])
def test_a_mark_where_nothing_stands_is_refused(edit):
    with pytest.raises(InvalidError, match="line"):
        edited("a: 1\nb: 2\n", [edit])


# -- the inventory of each release -----------------------------------------------------------------

CHANGES = (
    KeyChange(path=("ready",), fate=Fate.RENAMED, name="wait_for", since="9.0", why="it waits"),
    KeyChange(path=("bmc", "verify"), fate=Fate.REMOVED, since="9.0", why="always"),
    KeyChange(path=("zone",), fate=Fate.REQUIRED, value="here", since="9.0", why="there are zones", top=True),
    KeyChange(path=("rack",), fate=Fate.REQUIRED, since="9.0", why="racks matter"),
)
SURE = CHANGES[:3]


def test_only_lines_that_the_changes_are_about_differ(tmp_path):
    inventory = tmp_path / "inventory.yaml"
    inventory.write_bytes(EXAMPLE.read_bytes())
    plan = plan_upgrade(tmp_path / "state", inventory, now=0.0, key_changes=CHANGES)
    (change,) = plan.changes
    before, after = change.before.splitlines(), change.after.splitlines()
    assert [line for line in before if line not in after] == [
        "      verify: false                     # a self-signed certificate that nobody can check",
        "      verify: certificates/rack1-ca.pem",
        "    ready: {tcp: 22, timeout: 600}      # the deploy ends once the system accepts connections",
    ]
    assert [line for line in after if line not in before] == [
        "zone: here",
        "    wait_for: {tcp: 22, timeout: 600}      # the deploy ends once the system accepts connections",
    ]
    assert {touched.key for touched in plan.open_questions} == {f"nodes[{at}].rack" for at in range(5)}


def test_an_inventory_is_changed_and_put_back(tmp_path):
    inventory = tmp_path / "inventory.yaml"
    inventory.write_bytes(EXAMPLE.read_bytes())
    state = tmp_path / "state"
    open_store(state)
    carry_out(plan_upgrade(state, inventory, now=0.0, key_changes=SURE))
    root = parse(inventory.read_text())[0]
    assert find_changes(root, SURE) == ()
    assert plan_upgrade(state, inventory, now=0.0, key_changes=SURE).is_empty
    carry_out(plan_rollback(state, now=1.0))
    assert inventory.read_bytes() == EXAMPLE.read_bytes()
    open_store(state)


def test_putting_an_inventory_back_that_was_edited_since_is_told(tmp_path):
    inventory = tmp_path / "inventory.yaml"
    inventory.write_bytes(EXAMPLE.read_bytes())
    carry_out(plan_upgrade(tmp_path / "state", inventory, now=0.0, key_changes=SURE))
    inventory.write_text(inventory.read_text() + "# one more line\n")
    assert plan_rollback(tmp_path / "state", now=1.0).lost == (f"{inventory} has changed since",)


def test_what_defaults_or_the_group_give_is_not_missing():
    nodes = "nodes:\n  - {name: n1, group: g}\n  - {name: n2}\n"
    root = parse(f"defaults: {{rack: a}}\ngroups: {{g: {{zone: b}}}}\n{nodes}")[0]
    changes = [KeyChange(path=(key,), fate=Fate.REQUIRED, since="9", why="x") for key in ("rack", "zone")]
    assert [touched.key for touched in find_changes(root, tuple(changes))] == ["nodes[1].zone"]


@pytest.mark.parametrize(
    "inventory", sorted(EXAMPLE.parent.glob("inventory-*.yaml")), ids=lambda path: path.name
)
def test_the_inventory_of_every_release_can_be_read_after_the_upgrade(tmp_path, inventory):
    path = tmp_path / "inventory.yaml"
    path.write_bytes(inventory.read_bytes())
    plan = plan_upgrade(tmp_path / "state", path, now=0.0)
    if not plan.is_empty:
        carry_out(plan)
    assert [problem for problem in check(path) if problem.level is Level.ERROR] == []


def test_an_inventory_that_is_not_utf_8_is_refused(tmp_path):
    inventory = tmp_path / "inventory.yaml"
    inventory.write_bytes("nodes: []\n".encode("utf-16"))
    with pytest.raises(InvalidError, match="is not UTF-8"):
        plan_upgrade(tmp_path / "state", inventory, now=0.0, key_changes=SURE)


def test_a_diff_shows_no_password(tmp_path):
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text("nodes:\n  - name: n1\n    bmc: {verify: false, password: hunter2}\n")
    plan = plan_upgrade(tmp_path / "state", inventory, now=0.0, key_changes=CHANGES[1:2])
    assert "hunter2" in plan.diff()
    shown = plan.diff(secrets=("hunter2",))
    assert "hunter2" not in shown
    assert "******" in shown
