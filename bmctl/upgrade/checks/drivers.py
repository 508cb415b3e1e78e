"""The driver of every node's controller is there, with the library it speaks through."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bmctl.model.node import DriverName
from bmctl.upgrade.check import Check, Finding, Level
from bmctl.upgrade.look import Look

# What a driver's module imports that may be missing from an installation.
LIBRARIES = {"redfish": "sushy", "ipmi": "pyghmi"}


def _run(look: Look) -> Iterator[Finding]:
    for node in look.nodes:
        if missing := _missing(node.bmc.driver.value):
            yield Finding(
                level=Level.FAILURE,
                text=f"the driver {node.bmc.driver} is not usable: {missing} is not installed",
                remedy="install bmctl anew, with all that it requires",
                node=node.name,
                place=look.place(node.name, "bmc", "driver"),
            )
    known = {driver.value for driver in DriverName}
    for name, record in look.records.items():
        driver = str(record.get("controller") or "").partition(":")[0]
        if driver and driver not in known:
            yield Finding(
                level=Level.FAILURE,
                text=f"the node was last reached by the driver {driver}, which this bmctl does not have",
                remedy=f"set bmc.driver to one of {', '.join(sorted(known))}",
                node=name,
            )


@cache
def _missing(driver: str) -> str | None:
    """The module that a driver needs and that cannot be found; none is imported for it."""
    package = find_spec("bmctl.drivers")
    places = package.submodule_search_locations or () if package is not None else ()
    if not any(Path(place, f"{driver}.py").is_file() for place in places):
        return f"bmctl.drivers.{driver}"
    library = LIBRARIES.get(driver)
    return library if library is not None and find_spec(library) is None else None


CHECK = Check(name="drivers", title="Drivers", run=_run)
