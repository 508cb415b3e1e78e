"""A machine on paper, for steps tried one by one."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
# For the machine on paper and the tests' own controllers, in any import mode.
sys.path[:0] = [str(TESTS / "engine"), str(TESTS / "drivers"), str(TESTS / "drivers" / "mock_controller")]
