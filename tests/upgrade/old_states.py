"""State directories of every schema that was released."""

from __future__ import annotations

import json
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"


def lay_out(name: str, root: Path) -> Path:
    """A kept state directory, with the modes it had."""
    root.mkdir(mode=0o700, parents=True)
    for path, text in json.loads((FIXTURES / f"{name}.json").read_text()).items():
        place = root / path
        if text is None:
            place.mkdir(mode=0o700, exist_ok=True)
        else:
            place.write_text(text)
            place.chmod(0o600)
    return root


def contents(root: Path) -> dict[str, bytes]:
    """Everything that counts in a state directory: no guards, half-written files or notes of upgrades."""
    passing = {"staging", "upgrade"}
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".guard" and path.relative_to(root).parts[0] not in passing
    }
