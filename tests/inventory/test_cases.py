"""One YAML file per case; beside it, what is wrong with it, one line each, as a person reads it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bmctl.inventory import InventoryError, Level, Problem, check, load

CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_case_tells_exactly_what_is_wrong(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    shutil.copy(case, tmp_path / "inventory.yaml")
    (tmp_path / "inventory.yaml").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    problems = check(Path("inventory.yaml"))
    told = "".join(
        f"{'' if problem.level is Level.ERROR else 'warning: '}{problem}\n" for problem in problems
    )
    expected = case.with_suffix(".problems")
    if request.config.getoption("--update-golden"):
        expected.write_text(told)
    assert told == expected.read_text()
    assert "hunter2" not in told

    errors = tuple(problem for problem in problems if problem.level is Level.ERROR)
    if errors:
        with pytest.raises(InventoryError) as caught:
            load(Path("inventory.yaml"))
        assert caught.value.problems == errors
        assert "\n" not in caught.value.message
    else:
        assert load(Path("inventory.yaml")).nodes


def _level(problem: Problem) -> str:
    return "" if problem.level is Level.ERROR else "warning: "
