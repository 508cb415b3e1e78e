"""The JSON Schema of an inventory, for editors and other tools."""

from __future__ import annotations

from typing import Any

from bmctl.inventory.keys.top import InventoryKeys

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of an inventory file.

    It is a little wider than the loader: what is missing or does not fit together only shows once
    defaults, group and node are merged.
    """
    schema = InventoryKeys.model_json_schema()
    nodes = schema["properties"]["nodes"]
    by_name = {"type": "object", "additionalProperties": {"$ref": "#/$defs/NodeDefaultsKeys"}}
    described = {key: nodes.pop(key) for key in ("description", "title", "default") if key in nodes}
    schema["properties"]["nodes"] = {**described, "anyOf": [nodes, by_name]}
    for definition in (schema, *schema["$defs"].values()):
        definition["properties"] = {key: _nullable(value) for key, value in definition["properties"].items()}
    return {"$schema": DIALECT, **schema, "title": "bmctl inventory", "required": ["nodes"]}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Let a key have nothing in it: that takes away what defaults or a group gave."""
    schema = {key: value for key, value in schema.items() if key not in {"title", "default"} or value}
    if {"type": "null"} in schema.get("anyOf", ()):
        return schema
    beside = ("description", "default", "title")
    outside: dict[str, Any] = {key: schema.pop(key) for key in beside if key in schema}
    return {**outside, "anyOf": [schema, {"type": "null"}]}
