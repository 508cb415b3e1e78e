from __future__ import annotations

import json
import os

import pytest

from bmctl.errors import InvalidError
from bmctl.lab.faults import FaultBook, merge, parse_faults
from bmctl.lab.sessions import SessionTable


def write(path, rules, moment):
    path.write_text(json.dumps(rules))
    os.utime(path, ns=(moment, moment))


def test_a_rule_skips_applies_and_is_used_up(tmp_path):
    book = FaultBook(tmp_path / "faults.json")
    assert book.find("GET", "/") is None
    write(book.path, [{"match": "POST .*Reset", "status": 503, "skip": 1, "times": 2}], 1)
    found = [book.find("POST", "/Systems/1/Actions/ComputerSystem.Reset") is not None for _ in range(5)]
    assert found == [False, True, True, False, False]
    assert book.find("GET", "/Systems/1") is None


def test_a_changed_file_counts_anew(tmp_path):
    book = FaultBook(tmp_path / "faults.json")
    write(book.path, [{"match": "GET", "drop": True, "times": 1}], 1)
    assert [book.find("GET", "/") is None for _ in range(2)] == [False, True]
    write(book.path, [{"match": "GET", "drop": True, "times": 1}], 2)
    assert book.find("GET", "/") is not None
    book.path.unlink()
    assert book.find("GET", "/") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("{}", "not a list"),
        ("[1]", "fault 1 has no match"),
        ('[{"match": "("}]', "no regular expression"),
        ('[{"match": "x", "stats": 1}]', "unknown keys: stats"),
    ],
)
def test_bad_rules_are_told(text, said):
    with pytest.raises(InvalidError, match=said):
        parse_faults(text)


def test_a_merge_changes_adds_and_removes():
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": 4}, "d": [5]}) == {
        "a": {"c": 2, "e": 4},
        "d": [5],
    }


def test_sessions_end_by_closing_and_by_idling():
    table = SessionTable(limit=2, idle_seconds=10)
    first, second = table.open("lab", 0.0), table.open("lab", 0.0)
    assert table.open("lab", 1.0) is None
    assert table.use(first.token, 9.0) is first
    assert table.use(second.token, 11.0) is None
    assert table.identities() == (first.identity,)
    assert table.close(first.identity)
    assert not table.close(first.identity)
    assert table.use(first.token, 12.0) is None
