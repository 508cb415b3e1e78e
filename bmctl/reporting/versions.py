"""What this process runs with: bmctl, Python, the system, and the libraries that bmctl asks for."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from typing import Any

from bmctl import __version__


def installed_versions() -> dict[str, Any]:
    """Names and versions of what is installed; libraries that are not there are left out."""
    return {
        "bmctl": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libraries": dict(sorted(_libraries().items())),
    }


def _libraries() -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        requirements = importlib.metadata.requires("bmctl") or []
    except importlib.metadata.PackageNotFoundError:
        return found
    for requirement in requirements:
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
