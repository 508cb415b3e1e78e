"""Upgrades: what would be fatal or surprising, found beforehand, and old state brought to the present form.

`check` and `checks/` only look. `migrations` say how records change from one schema to the next,
`key_changes` what has happened to keys of the inventory; `plan` makes of both what would change, and
`carry_out` does it.
"""
