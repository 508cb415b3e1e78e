"""The operator's inventory: YAML text to model values, with the line and column of every mistake.

`load` gives an `Inventory` or raises `InventoryError`; `check` gives every `Problem`, warnings too.
Secrets are resolved in `bmctl.inventory.secret`, names are looked up in `bmctl.inventory.names`.
"""

from bmctl.inventory.json_schema import json_schema
from bmctl.inventory.loading import check, load
from bmctl.inventory.problems import InventoryError, Level, Problem
from bmctl.inventory.selection import Inventory

__all__ = ["Inventory", "InventoryError", "Level", "Problem", "check", "json_schema", "load"]
