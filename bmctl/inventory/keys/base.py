"""What all key models share: they are frozen, refuse unknown keys, and read everything from text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_plain_validator_function

from bmctl.inventory.text_values import Checked, one_line, plain_text, switch, whole_number


class Keys(BaseModel):
    """A mapping in the inventory.

    `foreign` holds keys that people take here from elsewhere, each with what to tell them.
    """

    foreign: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False, defer_build=False)


class _Many:
    """Tells the JSON Schema that a list of one may be written without the list."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | dict) else [value]


T = TypeVar("T")

OneOrMany = Annotated[tuple[T, ...], BeforeValidator(_listed), _Many()]


def reads(check: Callable[[str], Checked]) -> PlainValidator:
    """A validator that gives the written text to `check`, whose ValueError is what a person reads."""
    return PlainValidator(lambda value: check(one_line(value)))


def described(pattern: str | None = None, examples: tuple[str, ...] = (), **more: Any) -> WithJsonSchema:
    """The JSON Schema of a value that is written as text."""
    schema: dict[str, Any] = {"type": "string", **more}
    if pattern:
        schema["pattern"] = pattern
    if examples:
        schema["examples"] = list(examples)
    return WithJsonSchema(schema)


# A number or a switch without quotes is text here, and editors should think so too.
_ANY_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean"]}

Text: TypeAlias = Annotated[str, PlainValidator(plain_text), WithJsonSchema(_ANY_SCALAR)]
"""Text of any length, new-lines included."""

Line: TypeAlias = Annotated[str, PlainValidator(one_line), WithJsonSchema(_ANY_SCALAR)]
"""Text of one line, without blanks around it."""

Switch: TypeAlias = Annotated[bool, PlainValidator(switch), WithJsonSchema({"type": "boolean"})]


@dataclass(frozen=True, slots=True)
class Between:
    """Annotates a whole number from `least` to `most`."""

    least: int
    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return no_info_plain_validator_function(self._read)

    def _read(self, value: Any) -> int:
        return whole_number(one_line(value), self.least, self.most)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema, handler
        return {"type": "integer", "minimum": self.least, "maximum": self.most}
