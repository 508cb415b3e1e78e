"""Nodes and steps for plans."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
# For the nodes beside the world and the steps beside the tests, in any import mode.
sys.path[:0] = [str(HERE), str(HERE.parent / "engine")]
