"""Which system of a Redfish service is the machine. Everything here blocks."""

from __future__ import annotations

from typing import Any

import sushy.exceptions
from sushy.resources.base import FieldData, JsonDataReader

from bmctl.errors import BmctlError, InvalidError, RefusedError


class KeptReader(JsonDataReader):  # type: ignore[misc]  # sushy has no types
    """Keeps what was read: sushy reads a resource again only to learn the ETag it was just told.

    `headers` are those of the answer that `resource` was made from.
    """

    def __init__(self, resource: Any, headers: Any) -> None:
        resource._reader = self  # noqa: SLF001  a system is made without a choice of reader
        self.set_connection(resource._conn, resource.path)  # noqa: SLF001
        self._kept: Any = FieldData(200, headers, resource.json) if headers is not None else None

    def get_data(self) -> Any:
        """The document and headers as they were read last, or are now."""
        if self._kept is None:
            self._kept = super().get_data()
        return self._kept

    def forget(self) -> None:
        """Read again the next time."""
        self._kept = None


def find_system(root: Any, wanted: str | None, *, address: str) -> Any:
    """The system with that path, id, name or UUID; with none given, the only one.

    A path costs one request, an id two, a name or UUID one more for each system before it.
    """
    if wanted is not None and wanted.startswith("/"):
        return _by_path(root, wanted, address)
    paths = _paths(root, address)
    if wanted is None:
        return root.get_system(_only(paths, address))
    for path in paths:
        if _last(path) == wanted:
            return root.get_system(path)
    return _by_name(root, paths, wanted, address)


def _by_path(root: Any, path: str, address: str) -> Any:
    try:
        return root.get_system(path)
    except sushy.exceptions.ResourceNotFoundError:
        raise _unknown(path, _paths(root, address), address) from None


def _by_name(root: Any, paths: tuple[str, ...], wanted: str, address: str) -> Any:
    for path in paths:
        system = root.get_system(path)
        if system.name == wanted or (system.uuid or "").lower() == wanted.lower():
            return system
    raise _unknown(wanted, paths, address)


def _only(paths: tuple[str, ...], address: str) -> str:
    if not paths:
        raise RefusedError(f"the controller at {address} has no system")
    if len(paths) > 1:
        raise InvalidError(
            f"the controller at {address} has {len(paths)} systems and the inventory names none",
            hint=f"set bmc.system to one of {_list(paths)}",
        )
    return paths[0]


def _paths(root: Any, address: str) -> tuple[str, ...]:
    try:
        return tuple(root.get_system_collection().members_identities)
    except sushy.exceptions.MissingAttributeError:
        raise RefusedError(
            f"the service at {address} has no systems: it is no machine's controller"
        ) from None


def _unknown(wanted: str, paths: tuple[str, ...], address: str) -> BmctlError:
    return InvalidError(
        f"the controller at {address} has no system {wanted}", hint=f"set bmc.system to one of {_list(paths)}"
    )


def _list(paths: tuple[str, ...]) -> str:
    """The ids of the first systems; a chassis may have dozens."""
    shown = ", ".join(_last(path) for path in paths[:8])
    return shown + (", ..." if len(paths) > 8 else "")


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
