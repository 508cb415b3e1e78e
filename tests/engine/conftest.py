"""A machine on paper, for every test of what drives it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for the world beside this file, in any import mode
