"""Options and fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# The integration run tries the same examples every time, so that what it finds is due to the change;
# everybody else's runs look for new ones.
settings.register_profile("integration", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("integration" if os.environ.get("CI") else "search")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files; read the diff")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares text with the file `golden/NAME` beside the test; --update-golden rewrites it."""

    def compare(name: str, text: str) -> None:
        path = Path(request.path).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert path.read_text() == text, f"{path} differs; --update-golden rewrites it"

    return compare
