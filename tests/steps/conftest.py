"""A machine on paper, for steps tried one by one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))  # for the machine on paper, in any import mode
