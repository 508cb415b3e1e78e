"""The arguments of controller-side steps: what people read of them, and values out of what people wrote."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from bmctl.engine.step import AnyStep
from bmctl.errors import InvalidError
from bmctl.model.steps import StepArgument

# What a person is told of a mistake of this type, in place of pydantic's words.
_MISTAKES = {
    "missing": "is missing",
    "missing_argument": "is missing",
    "missing_keyword_only_argument": "is missing",
    "unexpected_keyword_argument": "is not known",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "dataclass_type": "must be a mapping",
}
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}


def arguments_of(arguments: Any) -> tuple[StepArgument, ...]:
    """What a step's `args`, a dataclass, asks for, in its order."""
    return _arguments_of(arguments)


@cache
def _arguments_of(arguments: Any) -> tuple[StepArgument, ...]:
    """The same, worked out once: plans are made often, and hints are slow to read."""
    kinds = get_type_hints(arguments)
    return tuple(
        StepArgument(
            name=item.name,
            description=item.metadata.get("description", ""),
            required=_required(item),
            type=readable(kinds[item.name]),
        )
        for item in fields(arguments)
    )


def readable(kind: Any) -> str:
    """What a person calls a type: `list of text`, `uefi or bios`, `mapping with name, value`."""
    if kind in _WORDS:
        return _WORDS[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in {Union, types.UnionType}:
        return " or ".join(readable(one) for one in inner if one is not type(None))
    if origin in {tuple, list, frozenset, set}:
        return f"list of {readable(inner[0])}" if inner else "list"
    if isinstance(kind, type):
        return _readable_class(kind)
    return "mapping"


def _readable_class(kind: type[Any]) -> str:
    if issubclass(kind, Enum):
        return " or ".join(str(member.value) for member in kind)
    if is_dataclass(kind):
        return "mapping with " + ", ".join(
            item.name if _required(item) else f"{item.name}?" for item in fields(kind)
        )
    return "list" if issubclass(kind, (tuple, list)) else "mapping"


def wrong_arguments(step: AnyStep, given: Mapping[str, Any]) -> Mapping[str, str]:
    """What is wrong with the values given for a step's arguments, by name; names are checked elsewhere."""
    kinds = get_type_hints(step.args)
    found = ((name, _wrong(kinds[name], value)) for name, value in given.items() if name in kinds)
    return {name: wrong for name, wrong in found if wrong}


def make_arguments(step: AnyStep, given: Mapping[str, Any]) -> Any:
    """The step's `args` out of plain data; `InvalidError` says which argument is wrong."""
    from pydantic import ValidationError

    try:
        return _read(step.args, dict(given))
    except ValidationError as error:
        raise InvalidError(f"{step.key}: {_first_of(error)}") from None


def _wrong(kind: Any, value: Any) -> str:
    from pydantic import ValidationError

    try:
        _read(kind, value)
    except ValidationError as error:
        return _first_of(error)
    return ""


def _read(kind: Any, value: Any) -> Any:
    return _adapter(kind).validate_python([value])[0]


@cache
def _adapter(kind: Any) -> Any:
    """Reads one value in a list: these settings are heeded inside of one, and not by a type alone."""
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)
    return TypeAdapter(tuple[kind], config=config)


def _first_of(error: Any) -> str:
    """The first mistake in a line; the value itself is left out, since it may be a secret."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    # An alternative of a union ends the place with its own name, which says nothing to a person.
    place = ".".join(str(part) for part in first["loc"][1:] if not _is_alternative(part))
    text = _MISTAKES.get(first["type"]) or _in_our_words(first["msg"])
    return f"{place} {text}" if place else text


def _is_alternative(part: Any) -> bool:
    return isinstance(part, str) and (part in {"str", "int", "float", "bool"} or "[" in part)


def _in_our_words(text: str) -> str:
    text = (
        text.removeprefix("Value error, ")
        .removeprefix("Assertion failed, ")
        .replace("Input should be", "must be")
    )
    return text[:1].lower() + text[1:]


def _required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING
