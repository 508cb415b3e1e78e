"""What the inventory says of a node, as plain data that may be given away: secrets as references only."""

from __future__ import annotations

import dataclasses
import hashlib
from enum import Enum
from typing import Any

from bmctl.model.node import Node
from bmctl.model.secret import SecretKind, SecretReference


def inventory_entry(node: Node) -> dict[str, Any]:
    """The node as its inventory describes it, defaults and groups merged in.

    A password is told by where it comes from. User data, which may hold anything, is told by its digest.
    """
    entry: dict[str, Any] = _plain(node)
    user_data = entry["instance"].pop("user_data")
    if user_data is not None:
        digest = hashlib.sha256(user_data.encode()).hexdigest()
        entry["instance"]["user_data_digest"] = f"sha256:{digest} ({len(user_data)} characters)"
    return entry


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _reference(value) if isinstance(value, SecretReference) else _fields(value)
    match value:
        case Enum():
            return value.value
        case dict():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case str() | int() | float() | None:
            return value
    return str(value)


def _fields(value: Any) -> dict[str, Any]:
    plain = {}
    for item in dataclasses.fields(value):
        found = getattr(value, item.name)
        # A key that says "password" would make its reference look like one.
        name = f"{item.name}_from" if isinstance(found, SecretReference) else item.name
        plain[name] = _plain(found)
    return plain


def _reference(reference: SecretReference) -> str:
    """Where a secret comes from; not how a command gets it, which may tell too much."""
    match reference.kind:
        case SecretKind.LITERAL:
            return "the inventory itself"
        case SecretKind.CMD:
            return f"a command ({reference.place})" if reference.place else "a command"
        case _:
            return f"{reference.kind.value}:{reference.text}"
