"""The keys an inventory file may have, as frozen pydantic models, one subject per module.

They check one value at a time, and nothing is required in them: what is missing can be known only
once defaults, group and node are merged. `bmctl.inventory.build` turns them into model values.
"""
